"""Tables and indexes: what their rows on the dashboard share."""

from __future__ import annotations

from mixin.dashboards._top import among

TABLE = '{$target, datname=~"$datname", schemaname=~"$schemaname", relname=~"$relname"}'
# The collector of the blocks of indexes looks at one database and has no label for it.
MAIN = '{$target, schemaname=~"$schemaname", relname=~"$relname"}'
# As the alert: a share of many rows, and only where autovacuum is due by its own settings.
DEAD = f"""
    table:pg_stat_user_tables_n_dead_tup:ratio{TABLE}
    and pg_stat_user_tables_n_dead_tup{TABLE} > 10000
    and pg_autovacuum_vacuum_threshold_ratio{TABLE} > 1
"""
NAMES = ("datname", "schemaname", "relname")
KEYS = ["instance", "target", *NAMES]
INDEX_NAMES = (*NAMES, "indexrelname")
INDEX_KEYS = ["instance", "target", *INDEX_NAMES]


def of(expr: str, most: str, *names: str) -> str:
    """A column for the tables that `most` chose, or for what `names` name."""
    return among(expr, most, *(names or NAMES))


def rate(metric: str, where: str = TABLE) -> str:
    """The growth of a counter by second, of the chosen tables."""
    return f"rate({metric}{where}[$__rate_interval])"
