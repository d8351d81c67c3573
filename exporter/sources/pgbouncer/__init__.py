"""PgBouncer's admin console as a source, and its fake.

The server's class brings the driver with it, so it is imported by who asks for it.
"""

from typing import TYPE_CHECKING, Any

from exporter.sources.pgbouncer.fake import FakePgBouncer
from exporter.sources.pgbouncer.source import HARDLY_CHANGES, Columns, PgBouncerOptions, PgBouncerSource, Row

if TYPE_CHECKING:
    from exporter.sources.pgbouncer.server import PgBouncerServer

__all__ = [
    "HARDLY_CHANGES",
    "Columns",
    "FakePgBouncer",
    "PgBouncerOptions",
    "PgBouncerServer",
    "PgBouncerSource",
    "Row",
]


def __getattr__(name: str) -> Any:
    if name == "PgBouncerServer":
        from exporter.sources.pgbouncer import server  # noqa: PLC0415

        return server.PgBouncerServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
