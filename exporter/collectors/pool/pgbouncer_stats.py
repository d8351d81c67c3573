"""What has gone through PgBouncer for each database, from SHOW STATS_TOTALS."""

from __future__ import annotations

from exporter.collectors.pool._show import Group, Show, micros, number, show_collector
from exporter.model.metric import counter

QUERIES = "Queries that servers have run."
QUERY_SECONDS = "Seconds that servers were busy with queries."
RECEIVED = "Bytes received from clients."
SENT = "Bytes sent to clients."
WAITED = "Seconds that clients waited for a server, added when a wait ends."
TRANSACTIONS = "Transactions that servers have run."
TRANSACTION_SECONDS = "Seconds that servers were inside a transaction, idle time within it included."

# Upstream had these names up to 0.10; its dashboards and its mixin still ask for them.
OLD_NAMES = {
    counter("pgbouncer_stats_queries_pooled_total", QUERIES): number("query_count"),
    counter("pgbouncer_stats_queries_duration_seconds_total", QUERY_SECONDS): micros("query_time"),
    counter("pgbouncer_stats_received_bytes_total", RECEIVED): number("bytes_received"),
    counter("pgbouncer_stats_sent_bytes_total", SENT): number("bytes_sent"),
    counter("pgbouncer_stats_client_wait_seconds_total", WAITED): micros("wait_time"),
    counter("pgbouncer_stats_sql_transactions_pooled_total", TRANSACTIONS): number("xact_count"),
    counter("pgbouncer_stats_server_in_transaction_seconds_total", TRANSACTION_SECONDS): micros("xact_time"),
}

COLLECTOR = show_collector(
    Show(
        "STATS_TOTALS",
        "Queries, transactions, bytes and time of each database, from SHOW STATS_TOTALS.",
        (
            Group({"database": "database"}, {
                counter("pgbouncer_stats_totals_queries_pooled_total", QUERIES):
                    number("query_count"),
                counter("pgbouncer_stats_totals_queries_duration_seconds_total", QUERY_SECONDS):
                    micros("query_time"),
                counter("pgbouncer_stats_totals_received_bytes_total", RECEIVED):
                    number("bytes_received"),
                counter("pgbouncer_stats_totals_sent_bytes_total", SENT):
                    number("bytes_sent"),
                counter("pgbouncer_stats_totals_client_wait_seconds_total", WAITED):
                    micros("wait_time"),
                counter("pgbouncer_stats_totals_sql_transactions_pooled_total", TRANSACTIONS):
                    number("xact_count"),
                counter("pgbouncer_stats_totals_server_in_transaction_seconds_total", TRANSACTION_SECONDS):
                    micros("xact_time"),
                counter("pgbouncer_stats_totals_client_parses_total",
                        "Parse messages of prepared statements that clients have sent."):
                    number("client_parse_count"),
                counter("pgbouncer_stats_totals_server_parses_total",
                        "Parse messages of prepared statements that were sent to servers."):
                    number("server_parse_count"),
                counter("pgbouncer_stats_totals_binds_total",
                        "Bind messages of prepared statements that clients have sent."):
                    number("bind_count"),
                counter("pgbouncer_stats_totals_server_assignments_total",
                        "Times that a client was given a server."):
                    number("server_assignment_count"),
                counter("pgbouncer_stats_totals_client_logins_total",
                        "Logins of clients that succeeded."):
                    number("client_login_count"),
                **OLD_NAMES,
            }),
        ),
    )
)  # fmt: skip
