"""Whether PgBouncer's console answers, and which version it is."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.pool._show import DOCS
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Refused
from exporter.model.metric import gauge
from exporter.model.table import Table, info, single
from exporter.sources.pgbouncer import PgBouncerSource

UP = gauge("pgbouncer_up", "1 if PgBouncer's admin console answered this scrape, else 0.")
VERSION = gauge("pgbouncer_version_info", "1, with the version of PgBouncer as a label.", ("version",))


class Up:
    """Asks one PgBouncer for its version."""

    def __init__(self, server: PgBouncerSource) -> None:
        self._server = server

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """`pgbouncer_up 1` and the version; where nothing answers this raises, and the fallback says 0.

        Raises:
            Partial: the console answered, but not with a version.
        """
        try:
            rows = await self._server.show("VERSION", deadline)
        except Refused as error:
            raise Partial([single({UP: 1})], error) from error
        versions = [info(VERSION, {"version": row.get("version") or ""}) for row in rows[:1]]
        return [single({UP: 1}), *versions]


COLLECTOR = CollectorSpec(
    help="Whether PgBouncer's console answers, and its version, from SHOW VERSION.",
    source="pgbouncer",
    metrics=(UP, VERSION),
    build=lambda server: Up(server).collect,
    fallback=(single({UP: 0}),),
    docs=DOCS,
    explain=lambda _major: "SHOW VERSION",
)
