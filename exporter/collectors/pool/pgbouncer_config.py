"""The limits that PgBouncer is configured with, from SHOW CONFIG."""

from __future__ import annotations

from exporter.collectors.pool._show import Group, Show, number, show_collector
from exporter.model.collector import Cost
from exporter.model.metric import gauge

COLLECTOR = show_collector(
    Show(
        "CONFIG",
        "Limits that PgBouncer is configured with, from SHOW CONFIG.",
        (
            Group({}, {
                gauge("pgbouncer_config_max_client_connections",
                      "Client connections that PgBouncer takes."):
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
            }),
        ),
        key=("key", "value"),
        cost=Cost.CHEAP,
    )
)  # fmt: skip
