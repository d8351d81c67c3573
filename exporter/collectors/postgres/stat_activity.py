"""Sessions by database, state, user, application and wait event, from pg_stat_activity.

Each state of each database has a sample, zero where there is no such session. A session whose state
the role may not see counts as `unknown`, one that is still logging in (PostgreSQL 18) as `starting`.
Processes that belong to no database are left out, and so is the session that asks.
"""

from exporter.model.view import Gauge, Label, View

SESSIONS = """(
    SELECT datname, coalesce(state, 'unknown') AS state, usename, application_name, backend_type,
           wait_event_type, wait_event,
           count(*) AS sessions, max(date_part('epoch', now() - xact_start)) AS longest
    FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND (datname IS NOT NULL OR state = 'starting')
    GROUP BY 1, 2, 3, 4, 5, 6, 7
) AS a
FULL JOIN (
    SELECT d.datname, s.state
    FROM pg_database AS d
    CROSS JOIN (VALUES ('active'), ('idle'), ('idle in transaction'),
                       ('idle in transaction (aborted)'), ('fastpath function call'),
                       ('disabled')) AS s(state)
) AS expected USING (datname, state)"""

VIEW = View(
    help="Sessions by database, state, user, application and wait event, from pg_stat_activity.",
    source=SESSIONS,
    docs="monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW",
    labels=(
        Label("datname", "datname", eg="app"),
        Label("state", "state", eg="active"),
        Label("usename", "usename", eg="web"),
        Label("application_name", "application_name", eg="api"),
        Label("backend_type", "backend_type", eg="client backend"),
        Label("wait_event_type", "wait_event_type", eg="Client"),
        Label("wait_event", "wait_event", eg="ClientRead"),
    ),
    metrics=(
        Gauge("pg_stat_activity_count", "coalesce(sessions, 0)", "Sessions in this state.", eg=12),
        Gauge("pg_stat_activity_max_tx_duration", "coalesce(longest, 0)",
              "Age in seconds of the oldest open transaction of these sessions, 0 for none.", eg=1.25),
    ),
    needs=("pg_read_all_stats",),
)  # fmt: skip
