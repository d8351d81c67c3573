from __future__ import annotations

from collections.abc import Sequence

import pytest

from exporter.collectors import discover
from exporter.collectors.pool._show import micros, number
from exporter.collectors.pool.pgbouncer_pools import longest_wait
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Refused, Skip, SourceError, Unavailable
from exporter.model.table import Labels, Table, Value
from exporter.sources.pgbouncer import FakePgBouncer, Row

FOUND = discover()


async def run(name: str, answer: Sequence[Row] | SourceError) -> dict[str, dict[Labels, Value]]:
    """Metric -> labels -> value, without absent samples."""
    spec = FOUND[name].spec
    what = spec.explain(None).removeprefix("SHOW ")
    return values(await spec.build(FakePgBouncer({what: answer}))(Deadline.after(1)))


def values(tables: Sequence[Table]) -> dict[str, dict[Labels, Value]]:
    found: dict[str, dict[Labels, Value]] = {}
    for table in tables:
        for column in table.columns:
            pairs = zip(table.rows, column.values, strict=True)
            found.setdefault(column.metric.name, {}).update({r: v for r, v in pairs if v is not None})
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("18446744073709551615", 2**64 - 1), ("-1", -1), ("0.5", 0.5), ("120.000000", 120.0)],
)
def test_numbers_are_read(text: str, value: float) -> None:
    assert number("a")({"a": text}) == value


@pytest.mark.parametrize(
    "text", [None, "", "yes", "1e5", "NaN", " 1", "1\n", "1 2", "\u0661", "9" * 21, "1."]
)
def test_anything_else_is_no_number(text: str | None) -> None:
    assert number("a")({"a": text}) is None
    assert micros("a")({"a": text}) is None


def test_microseconds_become_seconds() -> None:
    assert micros("a")({"a": "1500000"}) == 1.5
    assert micros("a")({"a": "1"}) == 0.000001


def test_a_renamed_column_is_found_by_either_name() -> None:
    read = number("new", "old")
    assert [read({"new": "1"}), read({"old": "2"}), read({"new": "1", "old": "2"}), read({})] == [
        1,
        2,
        1,
        None,
    ]


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ({"maxwait": "2", "maxwait_us": "250000"}, 2.25),
        ({"maxwait": "0", "maxwait_us": "1"}, 0.000001),
        ({"maxwait": "3"}, 3),
        ({"maxwait": "3", "maxwait_us": None}, 3),
        ({"maxwait_us": "5"}, None),
        ({}, None),
    ],
)
def test_the_longest_wait_has_its_fraction(row: Row, value: float | None) -> None:
    assert longest_wait(row) == value


async def test_null_is_an_empty_label_and_no_value() -> None:
    row = {"name": "a", "host": None, "port": "5432", "database": "a", "force_user": None, "pool_mode": None}
    found = await run("pgbouncer_databases", [{**row, "pool_size": None, "paused": "1"}])
    assert found["pgbouncer_databases_pool_size"] == {}
    assert found["pgbouncer_databases_paused"] == {("a", "", "5432", "a", "", ""): 1}


async def test_one_bad_value_loses_one_sample() -> None:
    rows = [{"database": "a", "query_count": "x", "xact_count": "1"}, {"database": "b", "query_count": "2"}]
    found = await run("pgbouncer_stats", rows)
    assert found["pgbouncer_stats_totals_queries_pooled_total"] == {("b",): 2}
    assert found["pgbouncer_stats_totals_sql_transactions_pooled_total"] == {("a",): 1}


async def test_both_generations_of_names_say_the_same() -> None:
    columns = (
        "query_count",
        "query_time",
        "bytes_received",
        "bytes_sent",
        "wait_time",
        "xact_count",
        "xact_time",
    )
    row = {"database": "a", **{column: str(i * 1_000_003) for i, column in enumerate(columns, 1)}}
    found = await run("pgbouncer_stats", [row])
    new = {n.replace("_totals", ""): v for n, v in found.items() if n.startswith("pgbouncer_stats_totals_")}
    old = {n: v for n, v in found.items() if not n.startswith("pgbouncer_stats_totals_")}
    assert len(old) == 7
    assert old == {name: new[name] for name in old}
    assert len({v for values in old.values() for v in values.values()}) == 7


async def test_up_needs_an_answer_not_a_version() -> None:
    assert await run("pgbouncer_up", []) == {"pgbouncer_up": {(): 1}}
    with pytest.raises(Partial) as caught:
        await run("pgbouncer_up", Refused("no"))
    assert values(caught.value.tables) == {"pgbouncer_up": {(): 1}}
    with pytest.raises(Unavailable):
        await run("pgbouncer_up", Unavailable("gone"))
    assert values(FOUND["pgbouncer_up"].spec.fallback) == {"pgbouncer_up": {(): 0}}


async def test_states_are_yes_or_no() -> None:
    rows = [{"key": "active", "value": "no"}, {"key": "paused", "value": "yes"}, {"key": "odd", "value": "?"}]
    assert await run("pgbouncer_state", rows) == {"pgbouncer_state": {("active",): 0, ("paused",): 1}}


async def test_an_older_version_is_named_where_it_lacks_a_command() -> None:
    with pytest.raises(Skip, match="SHOW STATE has this since") as caught:
        await run("pgbouncer_state", Refused("invalid command", Reason.UNSUPPORTED))
    assert caught.value.reason is Reason.VERSION
    with pytest.raises(Refused, match="no memory"):
        await run("pgbouncer_state", Refused("no memory"))


async def test_users_without_numbers_are_of_an_older_version() -> None:
    with pytest.raises(Skip, match="since PgBouncer"):
        await run("pgbouncer_users", [{"name": "a", "pool_mode": None}])
    assert (await run("pgbouncer_users", []))["pgbouncer_users_current_connections"] == {}


async def test_memory_is_in_bytes_and_one_name_is_one_series() -> None:
    row = {"name": "db_cache", "size": "200", "used": "4", "free": "1", "memtotal": "1016"}
    found = await run(
        "pgbouncer_mem", [row, {**row, "used": "1"}, {"name": "odd", "size": "8", "used": None}]
    )
    assert found["pgbouncer_mem_bytes"] == {
        ("db_cache", "used"): 1000,
        ("db_cache", "free"): 400,
        ("db_cache", "total"): 2032,
    }


async def test_peers_are_only_asked_for_where_there_are_any() -> None:
    peer = {"peer_id": "2", "host": "h", "port": "1", "pool_size": "4"}
    pool = {"peer_id": "2", "cl_active_cancel_req": "1", "cl_waiting_cancel_req": "3"}
    collect = FOUND["pgbouncer_peers"].spec.build
    for items, reason in ((None, Reason.VERSION), ("0", Reason.NO_DATA)):
        lists = [{"list": "users", "items": "3"}, *([{"list": "peers", "items": items}] if items else [])]
        source = FakePgBouncer({"LISTS": lists})
        with pytest.raises(Skip) as caught:
            await collect(source)(Deadline.after(1))
        assert (caught.value.reason, source.asked) == (reason, ["LISTS"])
    source = FakePgBouncer(
        {"LISTS": [{"list": "peers", "items": "1"}], "PEERS": [peer], "PEER_POOLS": [pool]}
    )
    found = values(await collect(source)(Deadline.after(1)))
    assert found["pgbouncer_peers_pool_size"] == {("2", "h", "1"): 4}
    assert found["pgbouncer_peer_pools_client_waiting_cancel_connections"] == {("2",): 3}
