from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exporter.collectors.pool.psycopg_pool import COLLECTOR, Pool
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial
from exporter.model.table import Table, Value

FRESH = {"pool_min": 1, "pool_max": 4, "pool_size": 3, "pool_available": 1, "requests_waiting": 2}


@dataclass
class Stats:
    name: str
    stats: Mapping[str, int] = field(default_factory=lambda: FRESH)

    def get_stats(self) -> Mapping[str, int]:
        return self.stats


class Broken:
    name = "broken"

    def get_stats(self) -> Mapping[str, int]:
        raise RuntimeError("no numbers")


def samples(tables: Sequence[Table]) -> dict[tuple[str, ...], Value]:
    return {
        (column.metric.name, *row): value
        for table in tables
        for column in table.columns
        for row, value in zip(table.rows, column.values, strict=True)
    }


async def collect(*pools: Pool) -> dict[tuple[str, ...], Value]:
    return samples(await COLLECTOR.build(pools)(Deadline.after(1)))


async def test_a_fresh_pool_has_every_counter_at_zero() -> None:
    found = await collect(Stats("main"))
    counters = {metric.name for metric in COLLECTOR.metrics if metric.name.endswith("_total")}
    assert len(COLLECTOR.metrics) == 15
    assert len(counters) == 10
    assert {name: found[name, "main"] for name in counters} == dict.fromkeys(counters, 0)
    assert found["psycopg_pool_connections", "main", "idle"] == 1
    assert found["psycopg_pool_connections", "main", "in_use"] == 2
    assert found["psycopg_pool_connections_max", "main"] == 4
    assert found["psycopg_pool_requests_waiting", "main"] == 2


async def test_milliseconds_become_seconds() -> None:
    stats = {**FRESH, "requests_wait_ms": 1500, "usage_ms": 1, "connections_ms": 20, "requests_num": 1500}
    found = await collect(Stats("main", stats))
    assert found["psycopg_pool_requests_wait_seconds_total", "main"] == 1.5
    assert found["psycopg_pool_usage_seconds_total", "main"] == 0.001
    assert found["psycopg_pool_connect_seconds_total", "main"] == 0.02
    assert found["psycopg_pool_requests_total", "main"] == 1500


async def test_what_a_pool_does_not_say_is_absent_but_for_counters() -> None:
    found = await collect(Stats("odd", {"pool_size": 1}))
    assert found["psycopg_pool_connections_min", "odd"] is None
    assert found["psycopg_pool_connections", "odd", "in_use"] is None
    assert found["psycopg_pool_requests_total", "odd"] == 0


async def test_pools_of_one_name_count_as_one() -> None:
    found = await collect(Stats("a", {**FRESH, "requests_num": 2}), Stats("a", {**FRESH, "requests_num": 3}))
    assert found["psycopg_pool_connections_open", "a"] == 6
    assert found["psycopg_pool_requests_total", "a"] == 5


async def test_numbers_that_were_read_apart_never_go_below_zero() -> None:
    found = await collect(Stats("a", {**FRESH, "pool_size": 1, "pool_available": 2}))
    assert found["psycopg_pool_connections", "a", "in_use"] == 0


async def test_a_broken_pool_does_not_hide_the_others() -> None:
    with pytest.raises(Partial, match="no numbers") as caught:
        await collect(Broken(), Stats("main"))
    assert ("psycopg_pool_connections_max", "main") in samples(caught.value.tables)


async def test_pools_come_and_go_between_scrapes() -> None:
    pools: list[Pool] = []
    run = COLLECTOR.build(pools)
    assert samples(await run(Deadline.after(1))) == {}
    pools.append(Stats("late"))
    assert ("psycopg_pool_connections_max", "late") in samples(await run(Deadline.after(1)))


async def test_names_types_and_labels_are_those_of_the_list() -> None:
    path = Path(__file__).parents[3] / "compat" / "psycopg_pool_names.tsv"
    with path.open(newline="") as file:
        listed = {line["metric"]: line for line in csv.DictReader(file, delimiter="\t")}
    tables = await COLLECTOR.build([Stats("main")])(Deadline.after(1))
    found = {
        column.metric.name: (column.metric.kind, table.labels) for table in tables for column in table.columns
    }
    assert found == {
        name: (line["type"], tuple(label.split("=")[0] for label in line["labels"].split(",")))
        for name, line in listed.items()
    }
    assert set(found) == {metric.name for metric in COLLECTOR.metrics}
