"""Scans, size and state of indexes, from the statistics functions, pg_class and pg_index.

The values are those of pg_stat_user_indexes. A bound keeps thousands of indexes cheap: in each database
the 500 largest, those that are not valid first. Sizes are pg_class.relpages, as of the last VACUUM, ANALYZE
or CREATE INDEX: the functions that measure files would wait for a lock on each table.
"""

from exporter.model.collector import Cost
from exporter.model.view import Counter, Gauge, Label, Scope, View

# relkind 'i' leaves out the indexes of partitioned tables: they hold nothing themselves.
INDEXES = """(
    SELECT x.oid, x.relname AS indexrelname, x.relpages, x.relnamespace, i.indrelid,
           i.indisunique, i.indisprimary, i.indisvalid, i.indisready
    FROM pg_index AS i
    JOIN pg_class AS x ON x.oid = i.indexrelid
    WHERE x.relkind = 'i' AND x.relpersistence <> 't'
      AND x.relnamespace NOT IN (
          SELECT oid FROM pg_namespace
          WHERE nspname IN ('pg_catalog', 'information_schema') OR nspname ~ '^pg_toast')
    ORDER BY i.indisvalid, x.relpages DESC, x.oid
    LIMIT 500
) AS i
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = i.relnamespace"""

INDEX = ("datname", "schemaname", "relname", "indexrelname")

VIEW = View(
    help="Scans, size and state of the 500 largest indexes of each database.",
    source=INDEXES,
    docs="monitoring-stats.html#MONITORING-PG-STAT-ALL-INDEXES-VIEW",
    scope=Scope.DATABASE,
    cost=Cost.ROWS,
    labels=(
        Label("datname", "(SELECT current_database())", eg="app"),
        Label("schemaname", "n.nspname", eg="public"),
        Label("relname", "t.relname", eg="orders"),
        Label("indexrelname", "i.indexrelname", eg="orders_pkey"),
        Label("is_unique", "i.indisunique::int", eg="1"),
        Label("is_primary", "i.indisprimary::int", eg="1"),
        Label("is_valid", "i.indisvalid::int", eg="1"),
        Label("is_ready", "i.indisready::int", eg="1"),
    ),
    metrics=(
        Counter("pg_stat_user_indexes_idx_scan_total", "pg_stat_get_numscans(i.oid)",
                "Scans of the index; of the 500 largest in each database.", eg=98_765, by=INDEX),
        Counter("pg_stat_user_indexes_idx_tup_read_total", "pg_stat_get_tuples_returned(i.oid)",
                "Entries that scans of the index returned; of the 500 largest in each database.",
                eg=102_345, by=INDEX),
        Counter("pg_stat_user_indexes_idx_tup_fetch_total", "pg_stat_get_tuples_fetched(i.oid)",
                "Live rows fetched by plain scans of the index; of the 500 largest in each database.",
                eg=87_654, by=INDEX),
        Gauge("pg_stat_user_indexes_last_idx_scan_timestamp_seconds",
              {16: "date_part('epoch', pg_stat_get_lastscan(i.oid))"},
              "Unix time of the last scan of the index; absent if there was none.",
              eg=1_685_059_842, by=INDEX),
        Gauge("pg_index_size_bytes",
              "CASE WHEN i.relpages > 0 THEN i.relpages * (SELECT current_setting('block_size')::bigint) END",
              "Size of the index from pg_class.relpages, as of the last VACUUM or ANALYZE.",
              eg=1_253_376, by=INDEX),
        Gauge("pg_index_properties", "1",
              "1, with what the index is as labels; invalid ones come first in the bound of 500.", eg=1),
    ),
    every_seconds=60.0,
)  # fmt: skip
