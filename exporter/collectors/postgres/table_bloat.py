"""Estimated bloat of tables, from pg_class and pg_stats.

Expected size: rows times header, line pointer, null bitmap and average width of the columns, each row padded
to 8 bytes, on pages filled as far as `fillfactor` says. What the table has beyond is bloat. It is an
estimate, right to some 10 points as long as the last ANALYZE is not too old, and no sample is given where
pg_stats shows too little: it shows a role the columns that it may SELECT, so `pg_read_all_data` helps.
Bounds: of the 200 largest tables of each database, those of 10 MB or more.
"""

from exporter.facts.read_bloat import TABLES
from exporter.model.collector import Cost
from exporter.model.view import Gauge, Label, Scope, View

VIEW = View(
    help="Estimated bloat of the 200 largest tables of each database, from pg_class and pg_stats.",
    source=TABLES,
    docs="view-pg-stats.html",
    scope=Scope.DATABASE,
    cost=Cost.ROWS,
    labels=(
        Label("datname", "(SELECT current_database())", eg="app"),
        Label("schemaname", "b.nspname", eg="public"),
        Label("relname", "b.relname", eg="orders"),
    ),
    metrics=(
        Gauge("pg_table_bloat_ratio", "b.wasted / b.relpages",
              "Estimated part of the table that is bloat; tables of 10 MB or more only.", eg=0.12),
        Gauge("pg_table_bloat_bytes", "b.wasted * b.block",
              "Estimated bloat of the table; of the 200 largest with 10 MB or more.", eg=12_582_912),
    ),
    needs=("pg_read_all_data",),
    every_seconds=3600.0,
)  # fmt: skip
