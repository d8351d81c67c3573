"""Whether the whole PgBouncer is active, paused or suspended, from SHOW STATE."""

from __future__ import annotations

from exporter.collectors.pool._show import Group, Show, show_collector
from exporter.model.collector import Cost
from exporter.model.metric import gauge
from exporter.model.table import Value
from exporter.sources.pgbouncer import Row

ANSWERS = {"yes": 1, "no": 0}


def is_it(row: Row) -> Value:
    """1 or 0; None if the row says neither yes nor no."""
    return ANSWERS.get(row.get("value") or "")


COLLECTOR = show_collector(
    Show(
        "STATE",
        "Whether PgBouncer is active, paused or suspended as a whole, from SHOW STATE of 1.19 and newer.",
        (
            Group({"state": "key"}, {
                gauge("pgbouncer_state",
                      "1 for the state that PgBouncer is in: active, paused or suspended; else 0."):
                    is_it,
            }),
        ),
        cost=Cost.CHEAP,
        since="1.19",
    )
)  # fmt: skip
