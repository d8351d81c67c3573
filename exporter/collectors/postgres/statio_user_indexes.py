"""Blocks of each index read from disk and found in shared buffers, from pg_statio_user_indexes.

postgres_exporter's labels don't name the database, so this is the main database alone.
"""

from exporter.model.collector import Cost
from exporter.model.view import Counter, Label, View

VIEW = View(
    help="Blocks of each index of the main database read and hit, from pg_statio_user_indexes.",
    source="pg_statio_user_indexes",
    docs="monitoring-stats.html#MONITORING-PG-STATIO-ALL-INDEXES-VIEW",
    cost=Cost.ROWS,
    labels=(
        Label("schemaname", "schemaname", eg="public", null="unknown"),
        Label("relname", "relname", eg="orders", null="unknown"),
        Label("indexrelname", "indexrelname", eg="orders_pkey", null="unknown"),
    ),
    metrics=(
        Counter("pg_statio_user_indexes_idx_blks_read_total", "coalesce(idx_blks_read, 0)",
                "Blocks of the index not found in shared buffers.", eg=256),
        Counter("pg_statio_user_indexes_idx_blks_hit_total", "coalesce(idx_blks_hit, 0)",
                "Blocks of the index found in shared buffers.", eg=65_536),
    ),
    default=False,
)  # fmt: skip
