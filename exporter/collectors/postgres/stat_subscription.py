"""Logical replication on the side of the subscriber, from pg_stat_subscription and _stats.

PostgreSQL 13 lets nobody read a subscription's OID: there, namesakes in two databases share their values.
"""

from exporter.model.view import Counter, Gauge, Label, View

BY_NAME = """pg_stat_subscription AS s
JOIN pg_subscription AS p ON p.subname = s.subname
JOIN pg_database AS d ON d.oid = p.subdbid"""
BY_OID = BY_NAME.replace("p.subname = s.subname", "p.oid = s.subid")
GROUPED = "GROUP BY d.datname, s.subname"

VIEW = View(
    help="Subscriptions and their workers, errors and conflicts, from pg_stat_subscription and _stats.",
    source={
        13: f"{BY_NAME}\n{GROUPED}",
        14: f"{BY_OID}\n{GROUPED}",
        15: f"{BY_OID}\nLEFT JOIN pg_stat_subscription_stats AS e ON e.subid = s.subid\n{GROUPED}",
    },
    docs="monitoring-stats.html#MONITORING-PG-STAT-SUBSCRIPTION",
    labels=(Label("datname", "d.datname", eg="app"), Label("subname", "s.subname", eg="orders")),
    metrics=(
        Gauge("pg_subscription_enabled", "bool_and(p.subenabled)::int",
              "1 if the subscription is meant to run, else 0.", eg=1),
        Gauge("pg_stat_subscription_apply_workers",
              {13: "count(s.pid) FILTER (WHERE s.relid IS NULL)",
               16: "count(s.pid) FILTER (WHERE s.relid IS NULL AND s.leader_pid IS NULL)"},
              "Workers that apply changes: 0 is a subscription that stands still.", eg=1),
        Gauge("pg_stat_subscription_parallel_workers", {16: "count(s.leader_pid)"},
              "Workers that apply large transactions beside the first one.", eg=0),
        Gauge("pg_stat_subscription_sync_workers", "count(s.pid) FILTER (WHERE s.relid IS NOT NULL)",
              "Workers that copy a table for the first time.", eg=2),
        Gauge("pg_stat_subscription_received_lsn_bytes",
              "max(pg_wal_lsn_diff(s.received_lsn, '0/0'))::bigint",
              "The publisher's WAL position in bytes up to which changes have been received.", eg=50_331_648),
        Gauge("pg_stat_subscription_latest_end_lsn_bytes",
              "max(pg_wal_lsn_diff(s.latest_end_lsn, '0/0'))::bigint",
              "The publisher's WAL position in bytes that was last reported back to it.", eg=50_331_648),
        Gauge("pg_stat_subscription_last_msg_receipt_timestamp_seconds",
              "max(date_part('epoch', s.last_msg_receipt_time))",
              "Unix time of the last message from the publisher.", eg=1_700_000_000),
        Counter("pg_stat_subscription_stats_apply_errors_total", {15: "max(e.apply_error_count)"},
                "Errors while changes were applied.", eg=1),
        Counter("pg_stat_subscription_stats_sync_errors_total", {15: "max(e.sync_error_count)"},
                "Errors while tables were copied for the first time.", eg=0),
        Counter("pg_stat_subscription_stats_confl_insert_exists_total", {18: "max(e.confl_insert_exists)"},
                "Inserts that found a row with the same key.", eg=0),
        Counter("pg_stat_subscription_stats_confl_update_origin_differs_total",
                {18: "max(e.confl_update_origin_differs)"},
                "Updates of rows that another origin had changed.", eg=0),
        Counter("pg_stat_subscription_stats_confl_update_exists_total", {18: "max(e.confl_update_exists)"},
                "Updates whose new row had the key of another one.", eg=0),
        Counter("pg_stat_subscription_stats_confl_update_missing_total", {18: "max(e.confl_update_missing)"},
                "Updates of rows that were not there.", eg=0),
        Counter("pg_stat_subscription_stats_confl_delete_origin_differs_total",
                {18: "max(e.confl_delete_origin_differs)"},
                "Deletions of rows that another origin had changed.", eg=0),
        Counter("pg_stat_subscription_stats_confl_delete_missing_total", {18: "max(e.confl_delete_missing)"},
                "Deletions of rows that were not there.", eg=0),
        Counter("pg_stat_subscription_stats_confl_multiple_unique_total",
                {18: "max(e.confl_multiple_unique_conflicts)"},
                "Changes that collided with several unique keys.", eg=0),
    ),
    every_seconds=60,
)  # fmt: skip
