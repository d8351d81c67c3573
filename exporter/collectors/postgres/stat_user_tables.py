"""Scans, rows, dead rows, vacuums and sizes of each table, from the statistics functions.

The values are those of pg_stat_user_tables, read from the functions below that view, so that indexes
and sizes come from the same passes over pg_class. The functions that measure files would wait for a
lock on each table: sizes are pg_class.relpages instead, as of the last VACUUM, ANALYZE or CREATE INDEX,
without free space and visibility maps.
"""

from exporter.model.collector import Cost
from exporter.model.view import Counter, Gauge, Label, Scope, View

TABLES = """pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN (
    SELECT i.indrelid,
           sum(x.relpages) AS pages,
           sum(pg_stat_get_numscans(i.indexrelid))::bigint AS scans,
           sum(pg_stat_get_tuples_fetched(i.indexrelid))::bigint AS fetched
    FROM pg_index AS i
    JOIN pg_class AS x ON x.oid = i.indexrelid
    WHERE x.relnamespace <> 'pg_toast'::regnamespace
    GROUP BY i.indrelid
) AS own ON own.indrelid = c.oid
LEFT JOIN (
    SELECT t.oid, t.relpages + x.relpages AS pages
    FROM pg_class AS t
    JOIN pg_index AS i ON i.indrelid = t.oid AND i.indisvalid
    JOIN pg_class AS x ON x.oid = i.indexrelid
    WHERE t.relkind = 't' AND t.relpages > 0
) AS toast ON toast.oid = c.reltoastrelid
WHERE c.relkind IN ('r', 'm', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_toast'"""

BLOCK = "(SELECT current_setting('block_size')::bigint)"

# An empty TOAST table has one page, in its index: so most tables need no look at it.
TOAST_PAGES = "CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE coalesce(toast.pages, 1) END"


def _size(pages: str) -> dict[int, str | None]:
    """Pages in bytes; NULL where nothing counted them yet, 0 for a partitioned table.

    Up to PostgreSQL 13 "never counted" and "empty" look the same, and both are NULL.
    """
    size = f"coalesce({pages}, 0) * {BLOCK}"
    return {
        13: f"CASE WHEN c.relpages > 0 THEN {size} END",
        14: f"CASE WHEN c.relkind = 'p' THEN 0 WHEN c.reltuples >= 0 THEN {size} END",
    }


VIEW = View(
    help="Scans, rows, vacuums and sizes of each table, from the functions behind pg_stat_user_tables.",
    source={13: TABLES.replace(", 'p'", ""), 14: TABLES},  # as the standard view has it
    docs="monitoring-stats.html#MONITORING-PG-STAT-ALL-TABLES-VIEW",
    scope=Scope.DATABASE,
    cost=Cost.ROWS,
    labels=(
        Label("datname", "(SELECT current_database())", eg="app", null="unknown"),
        Label("schemaname", "n.nspname", eg="public", null="unknown"),
        Label("relname", "c.relname", eg="orders", null="unknown"),
    ),
    metrics=(
        Counter("pg_stat_user_tables_seq_scan", "pg_stat_get_numscans(c.oid)",
                "Sequential scans of the table.", eg=23),
        Counter("pg_stat_user_tables_seq_tup_read", "pg_stat_get_tuples_returned(c.oid)",
                "Live rows read by sequential scans.", eg=12_345),
        Counter("pg_stat_user_tables_idx_scan", "coalesce(own.scans, 0)",
                "Index scans of the table, 0 without indexes.", eg=98_765),
        Counter("pg_stat_user_tables_idx_tup_fetch",
                "CASE WHEN own.fetched IS NULL THEN 0"
                " ELSE own.fetched + pg_stat_get_tuples_fetched(c.oid) END",
                "Live rows fetched by index scans, 0 without indexes.", eg=87_654),
        Counter("pg_stat_user_tables_n_tup_ins", "pg_stat_get_tuples_inserted(c.oid)",
                "Rows inserted.", eg=5_210),
        Counter("pg_stat_user_tables_n_tup_upd", "pg_stat_get_tuples_updated(c.oid)",
                "Rows updated.", eg=1_230),
        Counter("pg_stat_user_tables_n_tup_del", "pg_stat_get_tuples_deleted(c.oid)",
                "Rows deleted.", eg=83),
        Counter("pg_stat_user_tables_n_tup_hot_upd", "pg_stat_get_tuples_hot_updated(c.oid)",
                "Rows updated in place, without a new index entry.", eg=1_100),
        Gauge("pg_stat_user_tables_n_live_tup", "pg_stat_get_live_tuples(c.oid)",
              "Estimated number of live rows.", eg=5_127),
        Gauge("pg_stat_user_tables_n_dead_tup", "pg_stat_get_dead_tuples(c.oid)",
              "Estimated number of dead rows.", eg=112),
        Gauge("pg_stat_user_tables_n_mod_since_analyze", "pg_stat_get_mod_since_analyze(c.oid)",
              "Estimated number of rows changed since the last ANALYZE.", eg=61),
        Gauge("pg_stat_user_tables_last_vacuum",
              "coalesce(date_part('epoch', pg_stat_get_last_vacuum_time(c.oid)), 0)",
              "Unix time of the last VACUUM by hand, 0 for never.", eg=1_685_059_842),
        Gauge("pg_stat_user_tables_last_autovacuum",
              "coalesce(date_part('epoch', pg_stat_get_last_autovacuum_time(c.oid)), 0)",
              "Unix time of the last VACUUM by autovacuum, 0 for never.", eg=1_685_059_842),
        Gauge("pg_stat_user_tables_last_analyze",
              "coalesce(date_part('epoch', pg_stat_get_last_analyze_time(c.oid)), 0)",
              "Unix time of the last ANALYZE by hand, 0 for never.", eg=1_685_059_842),
        Gauge("pg_stat_user_tables_last_autoanalyze",
              "coalesce(date_part('epoch', pg_stat_get_last_autoanalyze_time(c.oid)), 0)",
              "Unix time of the last ANALYZE by autovacuum, 0 for never.", eg=1_685_059_842),
        Counter("pg_stat_user_tables_vacuum_count", "pg_stat_get_vacuum_count(c.oid)",
                "Runs of VACUUM by hand.", eg=2),
        Counter("pg_stat_user_tables_autovacuum_count", "pg_stat_get_autovacuum_count(c.oid)",
                "Runs of VACUUM by autovacuum.", eg=17),
        Counter("pg_stat_user_tables_analyze_count", "pg_stat_get_analyze_count(c.oid)",
                "Runs of ANALYZE by hand.", eg=3),
        Counter("pg_stat_user_tables_autoanalyze_count", "pg_stat_get_autoanalyze_count(c.oid)",
                "Runs of ANALYZE by autovacuum.", eg=21),
        Gauge("pg_stat_user_tables_index_size_bytes", _size("own.pages"),
              "Size of the indexes, from pg_class.relpages as of the last VACUUM or ANALYZE.", eg=1_253_376),
        Gauge("pg_stat_user_tables_table_size_bytes", _size(f"c.relpages + {TOAST_PAGES}"),
              "Size with TOAST, from pg_class.relpages as of the last VACUUM or ANALYZE.", eg=4_194_304),
    ),
)  # fmt: skip
