"""How many of each thing PgBouncer holds, from SHOW LISTS."""

from __future__ import annotations

from exporter.collectors.pool._show import Group, Show, number, show_collector
from exporter.model.collector import Cost
from exporter.model.metric import gauge

COLLECTOR = show_collector(
    Show(
        "LISTS",
        "How many databases, users, pools, clients and servers PgBouncer holds, from SHOW LISTS.",
        (
            Group({}, {
                gauge("pgbouncer_databases", "Databases that are configured."):
                    number("databases"),
                gauge("pgbouncer_users", "Users that are known."):
                    number("users"),
                gauge("pgbouncer_pools", "Pools, one for each pair of database and user."):
                    number("pools"),
                gauge("pgbouncer_free_clients", "Client slots kept in memory for the next clients."):
                    number("free_clients"),
                gauge("pgbouncer_used_clients", "Client slots in use."):
                    number("used_clients"),
                gauge("pgbouncer_login_clients", "Clients that are logging in."):
                    number("login_clients"),
                gauge("pgbouncer_free_servers", "Server slots kept in memory for the next servers."):
                    number("free_servers"),
                gauge("pgbouncer_used_servers", "Server slots in use."):
                    number("used_servers"),
                gauge("pgbouncer_cached_dns_names", "DNS names in the cache."):
                    number("dns_names"),
                gauge("pgbouncer_cached_dns_zones", "DNS zones in the cache."):
                    number("dns_zones"),
                gauge("pgbouncer_in_flight_dns_queries", "DNS queries that are not answered yet."):
                    number("dns_queries"),
            }),
        ),
        key=("list", "items"),
        cost=Cost.CHEAP,
    )
)  # fmt: skip
