"""Estimated bloat of tables, from pg_class and pg_stats.

Expected size: rows times header, line pointer, null bitmap and average width of the columns, each row padded
to 8 bytes, on pages filled as far as `fillfactor` says. What the table has beyond is bloat. It is an
estimate, right to some 10 points as long as the last ANALYZE is not too old, and no sample is given where
pg_stats shows too little: it shows a role the columns that it may SELECT, so `pg_read_all_data` helps.
Bounds: of the 200 largest tables of each database, those of 10 MB or more.
"""

from exporter.model.collector import Cost
from exporter.model.view import Gauge, Label, Scope, View

# 24 bytes are the header of a row and that of a page, 4 a line pointer.
BLOAT = """(
    SELECT t.nspname, t.relname, t.relpages, t.block,
           greatest(0, t.relpages - ceil(
               t.reltuples * (4 + 24
                              + CASE WHEN w.nulls THEN ceil(ceil(w.columns / 8.0) / 8) * 8 ELSE 0 END
                              + ceil(w.width / 8) * 8)
               / ((t.block - 24) * t.fillfactor / 100.0))) AS wasted
    FROM (
        SELECT c.oid, n.nspname, c.relname, c.relpages, c.reltuples, b.size AS block,
               coalesce((SELECT max(option_value::int) FROM pg_options_to_table(c.reloptions)
                         WHERE option_name = 'fillfactor'), 100) AS fillfactor
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN (SELECT current_setting('block_size')::int AS size) AS b
        WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.reltuples > 0
          AND c.relpages >= 10485760 / b.size
          AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
        ORDER BY c.relpages DESC, c.oid
        LIMIT 200
    ) AS t
    CROSS JOIN LATERAL (
        SELECT count(*) AS columns, count(s.avg_width) AS known, bool_or(s.null_frac > 0) AS nulls,
               sum((1 - s.null_frac) * s.avg_width) AS width
        FROM pg_attribute AS a
        LEFT JOIN pg_stats AS s ON s.schemaname = t.nspname AND s.tablename = t.relname
                               AND s.attname = a.attname AND NOT s.inherited
        WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS w
    WHERE w.known >= 0.9 * w.columns
) AS b"""

VIEW = View(
    help="Estimated bloat of the 200 largest tables of each database, from pg_class and pg_stats.",
    source=BLOAT,
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
