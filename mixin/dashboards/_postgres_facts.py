"""Expressions that several dashboards of PostgreSQL share."""

from __future__ import annotations

OF_DATABASE = '{$target, datname=~"$datname"}'
WAIT = f"pg_stat_activity_longest_lock_wait_seconds{OF_DATABASE}"
IDLE = f"pg_stat_activity_longest_idle_in_transaction_seconds{OF_DATABASE}"
STATEMENT = f"pg_stat_activity_longest_query_seconds{OF_DATABASE}"

RESTARTS = "max without (datid, datname) (resets(pg_stat_database_xact_commit{$target}[2m])) > 0"
"""A new start or a crash: the counters of pg_stat_database begin again."""

# Without what the alert leaves out: dumps may take long.
TRANSACTION = """
    max without (state, usename, application_name, backend_type, wait_event_type, wait_event) (
      pg_stat_activity_max_tx_duration{
        $target, datname=~"$datname", backend_type="client backend", application_name!~"pg_dump|vacuumdb"
      }
    )
"""
