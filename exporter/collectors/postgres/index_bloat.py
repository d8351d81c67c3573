"""Estimated bloat of b-tree indexes, from pg_class, pg_index and pg_stats.

Expected size: entries times header, line pointer and average width of the columns, each entry padded to
8 bytes, on pages filled as far as `fillfactor` says. What the index has beyond is bloat. The server stores
equal keys together, so of an index with many of them this is the least that it may be. No sample for
partial indexes and those on expressions, nor where pg_stats shows too little: it shows a role the columns
that it may SELECT, so `pg_read_all_data` helps. Bounds: of the 200 largest of each database, those of 10 MB
or more.
"""

from exporter.model.collector import Cost
from exporter.model.view import Gauge, Label, Scope, View

# 8 bytes are the header of an entry, 4 a line pointer, 40 the header and the trailer of a page.
BLOAT = """(
    SELECT x.nspname, x.relname, x.indexrelname, x.relpages, x.block,
           greatest(0, x.relpages - 1 - ceil(
               x.reltuples * (4 + 8 + CASE WHEN w.nulls THEN 8 ELSE 0 END + ceil(w.width / 8) * 8)
               / ((x.block - 40) * x.fillfactor / 100.0))) AS wasted
    FROM (
        SELECT n.nspname, t.relname, x.relname AS indexrelname, x.relpages, x.reltuples, i.indrelid, i.indkey,
               b.size AS block,
               coalesce((SELECT max(option_value::int) FROM pg_options_to_table(x.reloptions)
                         WHERE option_name = 'fillfactor'), 90) AS fillfactor
        FROM pg_index AS i
        JOIN pg_class AS x ON x.oid = i.indexrelid
        JOIN pg_class AS t ON t.oid = i.indrelid
        JOIN pg_namespace AS n ON n.oid = x.relnamespace
        JOIN pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
        CROSS JOIN (SELECT current_setting('block_size')::int AS size) AS b
        WHERE x.relkind = 'i' AND t.relkind IN ('r', 'm') AND x.relpersistence <> 't' AND x.reltuples > 0
          AND x.relpages >= 10485760 / b.size AND i.indpred IS NULL AND i.indexprs IS NULL
          AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
        ORDER BY x.relpages DESC, x.oid
        LIMIT 200
    ) AS x
    CROSS JOIN LATERAL (
        SELECT count(*) AS columns, count(s.avg_width) AS known, bool_or(s.null_frac > 0) AS nulls,
               sum((1 - s.null_frac) * s.avg_width) AS width
        FROM unnest(x.indkey) AS k(attnum)
        JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
        LEFT JOIN pg_stats AS s ON s.schemaname = x.nspname AND s.tablename = x.relname
                               AND s.attname = a.attname AND NOT s.inherited
    ) AS w
    WHERE w.known = w.columns
) AS b"""

VIEW = View(
    help="Estimated bloat of the 200 largest b-tree indexes of each database.",
    source=BLOAT,
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
