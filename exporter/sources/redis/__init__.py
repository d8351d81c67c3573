"""Redis, Valkey and their kin: the server as a source, INFO by name, and the fake.

The driver is 6 MB of memory, so `RedisServer` is imported by who asks for it: where no Redis is configured,
that is nobody.
"""

from typing import TYPE_CHECKING, Any

from exporter.sources.redis.info import Info
from exporter.sources.redis.options import RedisOptions, TlsOptions
from exporter.sources.redis.source import Command, RedisSource, Reply

if TYPE_CHECKING:
    from exporter.sources.redis.server import RedisServer

__all__ = ["Command", "Info", "RedisOptions", "RedisServer", "RedisSource", "Reply", "TlsOptions"]


def __getattr__(name: str) -> Any:
    if name == "RedisServer":
        from exporter.sources.redis.server import RedisServer  # noqa: PLC0415

        return RedisServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
