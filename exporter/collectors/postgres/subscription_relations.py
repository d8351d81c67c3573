"""Tables of subscriptions by how far their first copy is, from pg_subscription_rel.

That catalogue belongs to each database: it is read only in those that have a subscription.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial
from exporter.model.metric import gauge
from exporter.model.table import Column, Table
from exporter.sources.postgres.rows import Rows

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

LABELS = ("datname", "subname", "state")
RELATIONS = gauge(
    "pg_subscription_relations",
    "Tables of a subscription in a state: `initialize`, `copy`, `finished_copy`, `synchronized` or `ready`.",
    LABELS,
)

SUBSCRIBERS = """SELECT DISTINCT d.datname
FROM pg_subscription AS p
JOIN pg_database AS d ON d.oid = p.subdbid"""

STATES = """SELECT current_database() AS datname, p.subname,
       CASE r.srsubstate WHEN 'i' THEN 'initialize' WHEN 'd' THEN 'copy' WHEN 'f' THEN 'finished_copy'
                         WHEN 's' THEN 'synchronized' WHEN 'r' THEN 'ready'
                         ELSE r.srsubstate::text END AS state,
       count(*) AS relations
FROM pg_subscription_rel AS r
JOIN (SELECT DISTINCT subid, subname FROM pg_stat_subscription) AS p ON p.subid = r.srsubid
GROUP BY 1, 2, 3"""


class Relations:
    """Asks one server, and there the databases that have subscriptions."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """Tables of each subscription by state; none where nothing is subscribed.

        Raises:
            Partial: some databases did not answer.
        """
        names = (await self._server.fetch(SUBSCRIBERS, deadline, aside=True)).columns[0]
        readable = set(await self._server.databases(deadline)) if names else set()
        fetches = (
            self._server.fetch(STATES, deadline, database=name, aside=True)
            for name in names
            if name in readable
        )
        answers = await asyncio.gather(*fetches, return_exceptions=True)
        tables = [_table(rows) for rows in answers if isinstance(rows, Rows)]
        failed = [error for error in answers if isinstance(error, BaseException)]
        if failed:
            raise Partial(tables, failed[0])
        return tables


def _table(rows: Rows) -> Table:
    *labels, values = rows.columns
    found = [tuple(value or "" for value in row) for row in zip(*labels, strict=True)]
    return Table(LABELS, found, [Column(RELATIONS, values)])


COLLECTOR = CollectorSpec(
    help="Tables of subscriptions by how far their first copy is, from pg_subscription_rel.",
    source="postgres",
    metrics=(RELATIONS,),
    build=lambda server: Relations(server).collect,
    every_seconds=60,
    docs="catalog-pg-subscription-rel.html",
    explain=lambda _major: f"{SUBSCRIBERS};\n{STATES}",
)
