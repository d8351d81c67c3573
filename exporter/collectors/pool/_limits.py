"""How many server connections each pool may have: what its database says, or its user.

Source: PgBouncer documentation, "Section [databases]" and "Section [users]": a user's `pool_size` and
`reserve_pool_size` count more than the database's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from exporter.collectors.pool._show import number, parsed
from exporter.model.metric import gauge
from exporter.model.table import Column, Labels, Table, Value
from exporter.sources.pgbouncer import Row

POOL = ("database", "user")
SIZE = gauge(
    "pgbouncer_pools_size_limit", "Server connections that the pool may have without its reserve.", POOL
)
RESERVE = gauge(
    "pgbouncer_pools_reserve_limit",
    "Server connections that the pool may have beyond when clients wait.",
    POOL,
)


def limits(pools: Sequence[Row], databases: Sequence[Row], users: Sequence[Row]) -> Table:
    """The limits of each pool.

    Args:
        pools: from SHOW POOLS.
        databases: from SHOW DATABASES; it calls `name` what pools call `database`.
        users: from SHOW USERS; they have sizes since PgBouncer 1.23 and reserves since 1.24.
    """
    rows = [(pool.get("database") or "", pool.get("user") or "") for pool in pools]
    by_name = {database.get("name"): database for database in databases}
    return Table(
        POOL,
        rows,
        [
            Column(SIZE, _each(rows, by_name, ("pool_size",), _own(users, "pool_size"))),
            Column(
                RESERVE,
                _each(rows, by_name, ("reserve_pool_size", "reserve_pool"), _own(users, "reserve_pool_size")),
            ),
        ],
    )


def _each(
    rows: Sequence[Labels],
    databases: Mapping[str | None, Row],
    columns: Sequence[str],
    own: Mapping[str, Value],
) -> list[Value]:
    read = number(*columns)
    return [own[user] if user in own else read(databases.get(database, {})) for database, user in rows]


def _own(users: Sequence[Row], column: str) -> Mapping[str, Value]:
    """User -> a size of its own, None where that can't be told.

    Up to 1.25 PgBouncer repeats a user's size for the users after it that have none. So a size like that of
    the row before is unknown, unless an empty one after another shows that this version does not repeat.
    """
    sizes = [((row.get("name") or ""), (row.get(column) or "").strip()) for row in users]
    given = [size for _, size in sizes]
    repeats = not any(before and not size for before, size in pairwise(given))
    own: dict[str, Value] = {}
    for (name, size), before in zip(sizes, ["", *given], strict=False):
        if size:
            own[name] = None if repeats and size == before else parsed(size)
    return own
