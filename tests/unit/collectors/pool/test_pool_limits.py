"""How many server connections each pool may have, next to what it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from exporter.collectors.pool import pgbouncer_pools
from exporter.collectors.pool._limits import limits
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Refused, SourceError
from exporter.model.table import Value
from exporter.sources.pgbouncer import FakePgBouncer, Row

NAMES = ("admin", "bob", "carl", "dora")


def pools(*pairs: tuple[str, str]) -> list[Row]:
    return [{"database": database, "user": user} for database, user in pairs]


def sizes(users: Sequence[Row], databases: Sequence[Row]) -> dict[str, tuple[Value, Value]]:
    """User of a pool of the database `a` -> its size and its reserve."""
    table = limits(pools(*(("a", name) for name in NAMES)), databases, users)
    size, reserve = (column.values for column in table.columns)
    return {user: (size[i], reserve[i]) for i, (_, user) in enumerate(table.rows)}


DATABASES: list[Row] = [
    {"name": "a", "pool_size": "20", "reserve_pool_size": "5"},
    {"name": "b", "pool_size": "1"},
]


def users(*given: str) -> list[Row]:
    """As PgBouncer writes their sizes: padded with blanks, empty where they have none."""
    return [{"name": n, "pool_size": s and f"{s:>9}"} for n, s in zip(NAMES, given, strict=True)]


def test_a_pool_has_the_size_of_its_database() -> None:
    old = [{"name": name, "pool_mode": None} for name in NAMES]
    assert sizes(old, DATABASES) == dict.fromkeys(NAMES, (20, 5))
    renamed = [{"name": "a", "pool_size": "20", "reserve_pool": "3"}]
    assert sizes([], renamed)["bob"] == (20, 3)


def test_a_users_own_size_counts_more() -> None:
    found = sizes(users("", "7", "", "0"), DATABASES)
    assert found == {"admin": (20, 5), "bob": (7, 5), "carl": (20, 5), "dora": (0, 5)}


def test_a_size_that_may_be_only_the_one_before_repeated_is_unknown() -> None:
    # What 1.23 to 1.25 show where bob alone has a size of its own.
    assert sizes(users("", "3", "3", "3"), DATABASES) == {
        "admin": (20, 5),
        "bob": (3, 5),
        "carl": (None, 5),
        "dora": (None, 5),
    }
    # A different one is certain, and so is each where an empty one shows that nothing is repeated.
    assert sizes(users("3", "3", "4", "4"), DATABASES)["carl"] == (4, 5)
    assert sizes(users("3", "", "4", "4"), DATABASES)["dora"] == (4, 5)


def test_a_reserve_of_the_user_counts_more_too() -> None:
    given = [{"name": "bob", "pool_size": "", "reserve_pool_size": "        1"}]
    assert sizes(given, DATABASES)["bob"] == (20, 1)


def test_what_nobody_says_is_unknown() -> None:
    table = limits(pools(("gone", "bob"), ("b", "bob")), DATABASES, [])
    size, reserve = (list(column.values) for column in table.columns)
    assert (size, reserve) == ([None, 1], [None, None])


async def test_the_pools_are_there_without_their_limits() -> None:
    answers: Mapping[str, Sequence[Row] | SourceError] = {
        "POOLS": [{"database": "a", "user": "u", "cl_active": "2"}],
        "DATABASES": Refused("no", Reason.ERROR),
    }
    with pytest.raises(Partial, match="no") as caught:
        await pgbouncer_pools.COLLECTOR.build(FakePgBouncer(answers))(Deadline.after(1))
    shown = {c.metric.name: c.values for table in caught.value.tables for c in table.columns}
    assert shown["pgbouncer_pools_client_active_connections"] == [2]
    assert "pgbouncer_pools_size_limit" not in shown
