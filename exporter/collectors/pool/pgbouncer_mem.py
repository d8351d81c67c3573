"""Memory that PgBouncer holds for its own objects, from SHOW MEM: read once a minute."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.pool._show import DOCS, parsed
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Column, Labels, Table
from exporter.sources.pgbouncer import HARDLY_CHANGES, PgBouncerSource, Row

LABELS = ("name", "kind")
MEMORY = gauge(
    "pgbouncer_mem_bytes",
    "Memory held for one kind of object: used by those that there are, free for the next ones, and in total.",
    LABELS,
)


def memory(rows: Sequence[Row]) -> Table:
    """Three rows for each name; PgBouncer 1.19 calls two kinds of objects by the same."""
    sums: dict[Labels, int] = {}
    for row in rows:
        name, size = row.get("name") or "", parsed(row.get("size"))
        for kind, bytes_each in (("used", size), ("free", size), ("total", 1)):
            count = parsed(row.get("memtotal" if kind == "total" else kind))
            if isinstance(bytes_each, int) and isinstance(count, int):
                sums[name, kind] = sums.get((name, kind), 0) + bytes_each * count
    return Table(LABELS, list(sums), [Column(MEMORY, list(sums.values()))])


def build(server: PgBouncerSource) -> Collect:
    """Asks one PgBouncer for its memory."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        return [memory(await server.show("MEM", deadline, HARDLY_CHANGES))]

    return collect


COLLECTOR = CollectorSpec(
    help="Memory that PgBouncer holds for its own objects, from SHOW MEM.",
    source="pgbouncer",
    metrics=(MEMORY,),
    build=build,
    docs=DOCS,
    explain=lambda _major: "SHOW MEM",
)
