"""What processes wait for just now, from pg_stat_activity.

Left out: idle clients, and background processes that wait for work (the type `Activity`). Neither is
a shortage of anything.
"""

from exporter.model.view import Gauge, Label, View

WAITS = """pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type IS NOT NULL
  AND state IS DISTINCT FROM 'idle' AND wait_event_type IS DISTINCT FROM 'Activity'
GROUP BY backend_type, wait_event_type, wait_event"""

VIEW = View(
    help="What processes that are not idle wait for, from pg_stat_activity.",
    source=WAITS,
    docs="monitoring-stats.html#WAIT-EVENT-TABLE",
    labels=(
        Label("backend_type", "backend_type", eg="client backend"),
        Label("wait_event_type", "wait_event_type", eg="IO", null="none"),
        Label("wait_event", "wait_event", eg="DataFileRead", null="none"),
    ),
    metrics=(
        Gauge("pg_wait_event_processes", "count(*)",
              "Processes that wait for this just now; the event `none` is running, not waiting.", eg=3),
    ),
    needs=("pg_read_all_stats",),
)  # fmt: skip
