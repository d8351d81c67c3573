"""Open transactions and the age of the oldest, from pg_stat_activity.

The name is postgres_exporter's: a transaction of any age counts. Autovacuum and the session that asks
are left out.
"""

from exporter.model.view import Gauge, View

OPEN = """pg_stat_activity
WHERE xact_start IS NOT NULL AND state IS DISTINCT FROM 'idle'
  AND backend_type <> 'autovacuum worker' AND pid <> pg_backend_pid()"""

VIEW = View(
    help="Open transactions and the age of the oldest, from pg_stat_activity.",
    source=OPEN,
    docs="monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW",
    metrics=(
        Gauge("pg_long_running_transactions", "count(*)", "Open transactions, whatever their age.", eg=3),
        Gauge("pg_long_running_transactions_oldest_timestamp_seconds",
              "coalesce(greatest(0, max(date_part('epoch', clock_timestamp() - xact_start))), 0)",
              "Age in seconds of the oldest open transaction, 0 for none; not a time stamp.", eg=12.5),
    ),
    needs=("pg_read_all_stats",),
    default=False,
)  # fmt: skip
