"""When each autovacuum worker began its table, from pg_stat_activity.

The label is postgres_exporter's: what follows the first dot of the worker's text, so that a vacuum against
wraparound says so in it. Workers on tables of one name in several schemas share a row: the oldest shows.
"""

from exporter.model.view import Gauge, Label, View

RELNAME = "split_part(query, '.', 2)"

WORKERS = f"""pg_stat_activity
WHERE backend_type = 'autovacuum worker' AND query LIKE 'autovacuum:%'
GROUP BY {RELNAME}"""

VIEW = View(
    help="When each autovacuum worker began its table, from pg_stat_activity.",
    source=WORKERS,
    docs="monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW",
    labels=(Label("relname", RELNAME, eg="orders"),),
    metrics=(
        Gauge("pg_stat_activity_autovacuum_timestamp_seconds", "min(date_part('epoch', xact_start))",
              "Unix time at which the worker began the table.", eg=1_685_059_842.5),
    ),
    needs=("pg_read_all_stats",),
    default=False,
)  # fmt: skip
