"""PgBouncer's admin console as a source, and its fake."""

from exporter.sources.pgbouncer.fake import FakePgBouncer
from exporter.sources.pgbouncer.server import PgBouncerOptions, PgBouncerServer, PgBouncerSource, Row

__all__ = ["FakePgBouncer", "PgBouncerOptions", "PgBouncerServer", "PgBouncerSource", "Row"]
