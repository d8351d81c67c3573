"""Connections counted by names that clients choose themselves."""

from __future__ import annotations

from collections.abc import Sequence
from time import process_time

import pytest

from exporter.collectors.pool import pgbouncer_clients, pgbouncer_servers
from exporter.collectors.pool._applications import Applications
from exporter.model.deadline import Deadline
from exporter.model.table import Labels, Table, Value
from exporter.sources.pgbouncer import FakePgBouncer, PgBouncerOptions, Row

LABELS = ("database", "application_name")


def client(application: str | None, **others: str) -> Row:
    return {"database": "a", "user": "u", "application_name": application, "state": "active", **others}


def columns(*applications: str | None) -> dict[str, Sequence[str | None]]:
    return {"database": ["a"] * len(applications), "application_name": applications}


def values(tables: Sequence[Table]) -> dict[str, dict[Labels, Value]]:
    return {
        column.metric.name: dict(zip(table.rows, column.values, strict=True))
        for table in tables
        for column in table.columns
    }


async def clients(rows: Sequence[Row], application_names: int = 50) -> dict[str, dict[Labels, Value]]:
    source = FakePgBouncer({"CLIENTS": rows}, PgBouncerOptions("", application_names=application_names))
    return values(await pgbouncer_clients.COLLECTOR.build(source)(Deadline.after(5)))


async def test_clients_are_counted() -> None:
    found = await clients([client(None), client(None), client(None, state="waiting")])
    assert found["pgbouncer_client_connections"] == {
        ("a", "u", "", "active"): 2,
        ("a", "u", "", "waiting"): 1,
    }
    assert found["pgbouncer_clients_prepared_statements"] == {("a", "u"): None}


async def test_prepared_statements_are_added_up_for_each_pool() -> None:
    counts = ("3", "0", "4", "odd", None)
    rows = [client(f"app {i}", prepared_statements=text or "") for i, text in enumerate(counts)]
    found = await clients([*rows, client("x", database="b", prepared_statements="0")])
    assert found["pgbouncer_clients_prepared_statements"] == {("a", "u"): 7, ("b", "u"): 0}


async def test_five_thousand_names_give_a_bounded_number_of_series_and_lose_no_client() -> None:
    rows = [client("web") for _ in range(40)] + [client(f"web-{i}", state="idle") for i in range(5000)]
    began = process_time()
    found = await clients(rows, 20)
    took = process_time() - began
    counted = found["pgbouncer_client_connections"]
    assert len(counted) == 21
    assert sum(int(value or 0) for value in counted.values()) == 5040
    assert counted["a", "u", "web", "active"] == 40
    assert counted["a", "u", "other", "idle"] == 5000 - 19
    assert took < 0.5


async def test_without_names_the_label_is_empty() -> None:
    found = await clients([client("a"), client("b"), client("c", state="idle")], 0)
    assert found["pgbouncer_client_connections"] == {("a", "u", "", "active"): 2, ("a", "u", "", "idle"): 1}


def test_of_two_with_as_many_connections_the_one_shown_before_stays() -> None:
    applications = Applications(1)
    assert applications.count(columns("b", "b", "a"), LABELS) == {("a", "b"): 2, ("a", "other"): 1}
    assert applications.count(columns("b", "a"), LABELS) == {("a", "b"): 1, ("a", "other"): 1}
    assert applications.count(columns("b", "a", "a"), LABELS) == {("a", "a"): 2, ("a", "other"): 1}
    assert applications.count(columns("b", "a"), LABELS) == {("a", "a"): 1, ("a", "other"): 1}


@pytest.mark.parametrize("most", [0, 1, 9])
def test_nobody_there(most: int) -> None:
    assert Applications(most).count({}, LABELS) == {}
    assert Applications(most).count(columns(), LABELS) == {}


async def test_servers_by_state_and_what_is_to_be_closed() -> None:
    rows = [
        client("web", close_needed="1", prepared_statements="2"),
        client("web", close_needed="0", prepared_statements="5"),
        client("job", state="idle", close_needed="1", prepared_statements="0"),
    ]
    source = FakePgBouncer({"SERVERS": rows})
    found = values(await pgbouncer_servers.COLLECTOR.build(source)(Deadline.after(1)))
    assert found == {
        "pgbouncer_server_connections": {("a", "u", "web", "active"): 2, ("a", "u", "job", "idle"): 1},
        "pgbouncer_servers_prepared_statements": {("a", "u"): 7},
        "pgbouncer_servers_close_needed": {("a", "u"): 2},
    }
