"""Redis, Valkey and their kin: the server as a source, INFO by name, and the fake."""

from exporter.sources.redis.info import Info
from exporter.sources.redis.options import RedisOptions, TlsOptions
from exporter.sources.redis.replies import Command, Reply
from exporter.sources.redis.server import RedisServer, RedisSource

__all__ = ["Command", "Info", "RedisOptions", "RedisServer", "RedisSource", "Reply", "TlsOptions"]
