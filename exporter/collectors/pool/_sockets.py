"""What SHOW CLIENTS and SHOW SERVERS have in common: a row for each connection, to be added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.collectors.pool._applications import texts
from exporter.collectors.pool._show import parsed
from exporter.model.metric import Metric
from exporter.model.table import Column, Labels, Table, Value
from exporter.sources.pgbouncer import Columns

POOL = ("database", "user")


def summed(columns: Columns, metrics: Mapping[Metric, str]) -> Table:
    """Sums of columns over the connections of each pool; a column that this version lacks has none."""
    pools = list(zip(*(texts(columns, label) for label in POOL), strict=True))
    rows = list(dict.fromkeys(pools))
    return Table(
        POOL,
        rows,
        [Column(metric, _sums(rows, pools, columns.get(column))) for metric, column in metrics.items()],
    )


def _sums(rows: Sequence[Labels], pools: Sequence[Labels], texts: Sequence[str | None] | None) -> list[Value]:
    if texts is None:
        return [None] * len(rows)
    sums: dict[Labels, int | float] = {}
    for pool, text in zip(pools, texts, strict=True):
        if text == "0":  # most are, and there may be thousands
            sums.setdefault(pool, 0)
        elif (value := parsed(text)) is not None:
            sums[pool] = sums.get(pool, 0) + value
    return [sums.get(row) for row in rows]
