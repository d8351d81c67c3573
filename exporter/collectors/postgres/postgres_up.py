"""Whether the PostgreSQL server answers, and which version it is."""

from __future__ import annotations

import re
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


def _semantic(version: str) -> str:
    """Upstream's form, always three numbers: `15.20.0` of `15.20 (Debian ...)`, `19.0.0` of `19beta1`."""
    numbers = re.match(r"\d+(?:\.\d+){0,2}", version)
    return ".".join([*(numbers[0] if numbers else "0").split("."), "0", "0"][:3])


class Up:
    """Asks one server for its version."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """`pg_up 1` and the version; anything else raises, and the fallback says 0."""
        rows = await self._server.fetch(SQL, deadline, together=True)
        version, short = (column[0] or "" for column in rows.columns)
        static = {"server": self._server.address, "short_version": _semantic(short), "version": version}
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
