"""Whether the PostgreSQL server answers, and which version it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge, untyped
from exporter.model.table import Table, info, single

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

UP = gauge("pg_up", "1 if this scrape's own connection to the PostgreSQL server answered a query, else 0.")
STATIC = untyped(
    "pg_static",
    "1, with the version of the PostgreSQL server as labels.",
    ("server", "short_version", "version"),
)

SQL = "SELECT version(), current_setting('server_version')"


class Up:
    """Asks one server for its version."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """`pg_up 1` and the version; anything else raises, and the fallback says 0."""
        rows = await self._server.fetch(SQL, deadline)
        version, short = (column[0] or "" for column in rows.columns)
        static = {"server": self._server.address, "short_version": short.split(" ")[0], "version": version}
        return [single({UP: 1}), info(STATIC, static)]


COLLECTOR = CollectorSpec(
    help="Whether the server answers, and its version.",
    source="postgres",
    metrics=(UP, STATIC),
    build=lambda server: Up(server).collect,
    fallback=(single({UP: 0}),),
    docs="functions-info.html#FUNCTIONS-INFO-VERSION",
    explain=lambda _major: SQL,
)
