"""Limits and state of each configured database, from SHOW DATABASES."""

from __future__ import annotations

from exporter.collectors.pool._show import Group, Show, number, show_collector
from exporter.model.metric import gauge

# Here `name` is what clients call the database and `database` what it is called on its server;
# SHOW POOLS and SHOW STATS have the former as `database`.
LABELS = ("name", "host", "port", "database", "force_user", "pool_mode")

COLLECTOR = show_collector(
    Show(
        "DATABASES",
        "Limits and state of each configured database, from SHOW DATABASES.",
        (
            Group({label: label for label in LABELS}, {
                gauge("pgbouncer_databases_pool_size",
                      "Server connections that each pool of the database may have."):
                    number("pool_size"),
                gauge("pgbouncer_databases_reserve_pool",
                      "Server connections that each pool may have beyond its size when clients wait."):
                    number("reserve_pool_size", "reserve_pool"),
                gauge("pgbouncer_databases_min_pool_size",
                      "Server connections that are kept open for each pool of the database."):
                    number("min_pool_size"),
                gauge("pgbouncer_databases_max_connections",
                      "Server connections that the database may have, 0 for no limit."):
                    number("max_connections"),
                gauge("pgbouncer_databases_current_connections",
                      "Server connections of the database."):
                    number("current_connections"),
                gauge("pgbouncer_databases_max_client_connections",
                      "Client connections that the database may have, 0 for no limit."):
                    number("max_client_connections"),
                gauge("pgbouncer_databases_current_client_connections",
                      "Client connections of the database."):
                    number("current_client_connections"),
                gauge("pgbouncer_databases_server_lifetime_seconds",
                      "Age at which an unused server connection of the database is closed."):
                    number("server_lifetime"),
                gauge("pgbouncer_databases_paused",
                      "1 while the database is paused, else 0."):
                    number("paused"),
                gauge("pgbouncer_databases_disabled",
                      "1 while the database takes no new clients, else 0."):
                    number("disabled"),
            }),
        ),
    )
)  # fmt: skip
