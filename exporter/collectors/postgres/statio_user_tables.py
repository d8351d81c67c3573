"""Blocks of each table read from disk and found in shared buffers, from the statistics functions.

The values are those of pg_statio_user_tables. Its subqueries run twice for each table; here one pass
over pg_index serves all tables.
"""

from exporter.model.collector import Cost
from exporter.model.view import Counter, Label, Scope, View

# Without OFFSET 0 the planner would call the functions once for each column that needs their values.
BLOCKS = """(
    SELECT own.nspname, own.relname, own.index_fetched, own.index_hit,
           pg_stat_get_blocks_fetched(own.oid) AS heap_fetched,
           pg_stat_get_blocks_hit(own.oid) AS heap_hit,
           pg_stat_get_blocks_fetched(own.reltoastrelid) AS toast_fetched,
           pg_stat_get_blocks_hit(own.reltoastrelid) AS toast_hit,
           pg_stat_get_blocks_fetched(x.indexrelid) AS toast_index_fetched,
           pg_stat_get_blocks_hit(x.indexrelid) AS toast_index_hit
    FROM (
        SELECT c.oid, c.relname, c.reltoastrelid, n.nspname,
               sum(pg_stat_get_blocks_fetched(i.indexrelid))::bigint AS index_fetched,
               sum(pg_stat_get_blocks_hit(i.indexrelid))::bigint AS index_hit
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN pg_index AS i ON i.indrelid = c.oid
        WHERE c.relkind IN ('r', 'm')
          AND n.nspname NOT IN ('pg_catalog', 'information_schema')
          AND n.nspname !~ '^pg_toast'
        GROUP BY c.oid, c.relname, c.reltoastrelid, n.nspname
    ) AS own
    LEFT JOIN pg_index AS x ON x.indrelid = own.reltoastrelid AND x.indisvalid AND own.reltoastrelid <> 0
    OFFSET 0
) AS blocks"""

VIEW = View(
    help="Blocks of each table read and hit, from the functions behind pg_statio_user_tables.",
    source=BLOCKS,
    docs="monitoring-stats.html#MONITORING-PG-STATIO-ALL-TABLES-VIEW",
    scope=Scope.DATABASE,
    cost=Cost.ROWS,
    labels=(
        Label("datname", "(SELECT current_database())", eg="app", null="unknown"),
        Label("schemaname", "nspname", eg="public", null="unknown"),
        Label("relname", "relname", eg="orders", null="unknown"),
    ),
    metrics=(
        Counter("pg_statio_user_tables_heap_blocks_read", "heap_fetched - heap_hit",
                "Blocks of the table not found in shared buffers.", eg=1_024),
        Counter("pg_statio_user_tables_heap_blocks_hit", "heap_hit",
                "Blocks of the table found in shared buffers.", eg=98_304),
        Counter("pg_statio_user_tables_idx_blocks_read", "coalesce(index_fetched - index_hit, 0)",
                "Blocks of the table's indexes not found in shared buffers.", eg=256),
        Counter("pg_statio_user_tables_idx_blocks_hit", "coalesce(index_hit, 0)",
                "Blocks of the table's indexes found in shared buffers.", eg=65_536),
        Counter("pg_statio_user_tables_toast_blocks_read", "toast_fetched - toast_hit",
                "Blocks of the TOAST table not found in shared buffers, 0 without one.", eg=12),
        Counter("pg_statio_user_tables_toast_blocks_hit", "toast_hit",
                "Blocks of the TOAST table found in shared buffers, 0 without one.", eg=480),
        Counter("pg_statio_user_tables_tidx_blocks_read",
                "coalesce(toast_index_fetched - toast_index_hit, 0)",
                "Blocks of the TOAST table's index not found in shared buffers, 0 without one.", eg=3),
        Counter("pg_statio_user_tables_tidx_blocks_hit", "coalesce(toast_index_hit, 0)",
                "Blocks of the TOAST table's index found in shared buffers, 0 without one.", eg=960),
    ),
)  # fmt: skip
