"""The limits that PgBouncer is configured with, from SHOW CONFIG: read once a minute."""

from __future__ import annotations

from exporter.collectors.pool._show import Group, Show, number, show_collector
from exporter.model.metric import gauge
from exporter.sources.pgbouncer import HARDLY_CHANGES

COLLECTOR = show_collector(
    Show(
        "CONFIG",
        "Limits that PgBouncer is configured with, from SHOW CONFIG.",
        (
            Group({}, {
                gauge("pgbouncer_config_max_client_connections",
                      "Client connections that PgBouncer takes."):
                    number("max_client_conn"),
                # spreaker's exporter has this name, and public alerts select it.
                gauge("pgbouncer_config_max_client_conn",
                      "Client connections that PgBouncer takes, under another exporter's name."):
                    number("max_client_conn"),
                gauge("pgbouncer_config_max_user_connections",
                      "Server connections that a user may have, 0 for no limit."):
                    number("max_user_connections"),
                gauge("pgbouncer_config_max_db_connections",
                      "Server connections that a database may have, 0 for no limit."):
                    number("max_db_connections"),
                gauge("pgbouncer_config_default_pool_size",
                      "Server connections that a pool may have unless its database says otherwise."):
                    number("default_pool_size"),
                gauge("pgbouncer_config_min_pool_size",
                      "Server connections that are kept open for each pool."):
                    number("min_pool_size"),
                gauge("pgbouncer_config_reserve_pool_size",
                      "Server connections that a pool may have beyond its size when clients wait."):
                    number("reserve_pool_size"),
                gauge("pgbouncer_config_max_prepared_statements",
                      "Prepared statements kept for each server connection, 0 where they are not tracked."):
                    number("max_prepared_statements"),
                gauge("pgbouncer_config_query_wait_timeout_seconds",
                      "Seconds after which a client that waits for a server is turned away, 0 for never."):
                    number("query_wait_timeout"),
                gauge("pgbouncer_config_server_idle_timeout_seconds",
                      "Seconds after which an idle server connection is closed, 0 for never."):
                    number("server_idle_timeout"),
                gauge("pgbouncer_config_max_user_client_connections",
                      "Client connections that a user may have, 0 for no limit."):
                    number("max_user_client_connections"),
                gauge("pgbouncer_config_max_db_client_connections",
                      "Client connections that a database may have, 0 for no limit."):
                    number("max_db_client_connections"),
                gauge("pgbouncer_config_reserve_pool_timeout_seconds",
                      "Seconds that a client waits before a pool may use its reserve, 0 for no reserve."):
                    number("reserve_pool_timeout"),
                gauge("pgbouncer_config_query_timeout_seconds",
                      "Seconds after which a running query is cancelled, 0 for never."):
                    number("query_timeout"),
                gauge("pgbouncer_config_transaction_timeout_seconds",
                      "Seconds after which a transaction is ended, 0 for never."):
                    number("transaction_timeout"),
                gauge("pgbouncer_config_idle_transaction_timeout_seconds",
                      "Seconds after which a client idle in a transaction is disconnected, 0 for never."):
                    number("idle_transaction_timeout"),
                gauge("pgbouncer_config_cancel_wait_timeout_seconds",
                      "Seconds after which a cancel request that waits is dropped, 0 for never."):
                    number("cancel_wait_timeout"),
                gauge("pgbouncer_config_query_wait_notify_seconds",
                      "Seconds after which a client that waits for a server is told so, 0 for never."):
                    number("query_wait_notify"),
                gauge("pgbouncer_config_client_idle_timeout_seconds",
                      "Seconds after which an idle client is disconnected, 0 for never."):
                    number("client_idle_timeout"),
                gauge("pgbouncer_config_client_login_timeout_seconds",
                      "Seconds that a client may take to log in, 0 for any time."):
                    number("client_login_timeout"),
                gauge("pgbouncer_config_server_lifetime_seconds",
                      "Seconds after which an unused server connection is closed because of its age."):
                    number("server_lifetime"),
                gauge("pgbouncer_config_server_connect_timeout_seconds",
                      "Seconds that connecting to a server and logging in may take, 0 for any time."):
                    number("server_connect_timeout"),
                gauge("pgbouncer_config_server_login_retry_seconds",
                      "Seconds until the next attempt after a failed login at a server."):
                    number("server_login_retry"),
                gauge("pgbouncer_config_server_check_delay_seconds",
                      "Seconds that a server connection may be idle and still be used without a check."):
                    number("server_check_delay"),
                gauge("pgbouncer_config_autodb_idle_timeout_seconds",
                      "Seconds after which an unused database that * stands for is dropped, 0 for never."):
                    number("autodb_idle_timeout"),
                gauge("pgbouncer_config_suspend_timeout_seconds",
                      "Seconds that SUSPEND and an online restart wait for buffers to empty."):
                    number("suspend_timeout"),
                gauge("pgbouncer_config_dns_max_ttl_seconds",
                      "Seconds that an answer about a host name is cached."):
                    number("dns_max_ttl"),
                gauge("pgbouncer_config_dns_nxdomain_ttl_seconds",
                      "Seconds that it is cached that a host name is not known."):
                    number("dns_nxdomain_ttl"),
                gauge("pgbouncer_config_stats_period_seconds",
                      "Seconds over which the averages of SHOW STATS are made."):
                    number("stats_period"),
                gauge("pgbouncer_config_max_packet_size_bytes",
                      "Bytes of the largest packet that is let through."):
                    number("max_packet_size"),
                gauge("pgbouncer_config_pkt_buf_bytes",
                      "Bytes of the buffer that each connection has."):
                    number("pkt_buf"),
                gauge("pgbouncer_config_listen_backlog",
                      "Connections that may wait to be accepted."):
                    number("listen_backlog"),
                gauge("pgbouncer_config_so_reuseport",
                      "1 if several processes may share the port, and a login reaches any of them; else 0."):
                    number("so_reuseport"),
            }),
        ),
        key=("key", "value"),
        max_age=HARDLY_CHANGES,
    )
)  # fmt: skip
