"""Estimated bloat of b-tree indexes, from pg_class, pg_index and pg_stats.

Expected size: entries times header, line pointer and average width of the columns, each entry padded to
8 bytes, on pages filled as far as `fillfactor` says. What the index has beyond is bloat. The server stores
equal keys together, so of an index with many of them this is the least that it may be. No sample for
partial indexes and those on expressions, nor where pg_stats shows too little: it shows a role the columns
that it may SELECT, so `pg_read_all_data` helps. Bounds: of the 200 largest of each database, those of 10 MB
or more.
"""

from exporter.facts.read_bloat import INDEXES
from exporter.model.collector import Cost
from exporter.model.view import Gauge, Label, Scope, View

VIEW = View(
    help="Estimated bloat of the 200 largest b-tree indexes of each database.",
    source=INDEXES,
    docs="view-pg-stats.html",
    scope=Scope.DATABASE,
    cost=Cost.ROWS,
    labels=(
        Label("datname", "(SELECT current_database())", eg="app"),
        Label("schemaname", "b.nspname", eg="public"),
        Label("relname", "b.relname", eg="orders"),
        Label("indexrelname", "b.indexrelname", eg="orders_pkey"),
    ),
    metrics=(
        Gauge("pg_index_bloat_ratio", "b.wasted / b.relpages",
              "Estimated part of the index that is bloat, at least; of 10 MB or more only.", eg=0.12),
        Gauge("pg_index_bloat_bytes", "b.wasted * b.block",
              "Estimated bloat of the index, at least; of 10 MB or more only.", eg=12_582_912),
    ),
    needs=("pg_read_all_data",),
    every_seconds=3600.0,
)  # fmt: skip
