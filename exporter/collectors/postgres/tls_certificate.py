"""When the certificate of the PostgreSQL server expires, from a TLS handshake of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, single

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

NOT_AFTER = gauge(
    "pg_tls_certificate_not_after_timestamp_seconds",
    "Unix time at which the certificate that the server shows ceases to be valid.",
)


class Certificate:
    """Asks one server for its certificate."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """The end of the certificate's validity.

        Raises:
            Skip: the target is a Unix socket, or has no TLS.
            ValueError: what it showed is no certificate.
        """
        # Imported here: libpq is loaded only where a PostgreSQL is watched.
        from exporter.sources.postgres.certificate import not_after, server_certificate  # noqa: PLC0415

        shown = await server_certificate(self._server.options.dsn, deadline)
        return [single({NOT_AFTER: not_after(shown).timestamp()})]


COLLECTOR = CollectorSpec(
    help="When the certificate of the server expires, from a TLS handshake before any login.",
    source="postgres",
    metrics=(NOT_AFTER,),
    build=lambda server: Certificate(server).collect,
    every_seconds=3600,
    docs="ssl-tcp.html",
    explain=lambda _major: "TLS handshake with the server: SSLRequest, certificate, end",
)
