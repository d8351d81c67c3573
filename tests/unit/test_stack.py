"""The fleet: one stack for each target, and what a reload keeps of them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors import discover
from exporter.model.deadline import Deadline
from exporter.model.slow_query import slow_queries_of
from exporter.settings import Settings, load_settings
from exporter.sources import build
from exporter.stack import TOP, Fleet
from tests.unit.slow_log.queries import slow

ALL = discover()
COLLECTORS = {name: ALL[name] for name in ("redis_up", "redis_info", "loadavg")}
SWITCHES = {name: (True, named.spec.help) for name, named in COLLECTORS.items()}


class FakeRedis:
    """Stands where the connection to Redis stands; nothing is asked of it."""

    def __init__(self, settings: Settings) -> None:
        self.address = str(settings.redis.address)
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    configured, _ = build.BUILDERS["redis"]
    monkeypatch.setitem(build.BUILDERS, "redis", (configured, FakeRedis))


def settings(**targets: str) -> Settings:
    """Each target: `address` and more variables behind it, `h:1 scrape__series_limit=5`."""
    environ: dict[str, str] = {"EXPORTER_REDIS__ADDRESS": "top:1"}
    for name, text in targets.items():
        address, *more = text.split()
        environ[f"EXPORTER_TARGETS__{name}__REDIS__ADDRESS"] = address
        for item in more:
            key, _, value = item.partition("=")
            environ[f"EXPORTER_TARGETS__{name}__{key}"] = value
    return load_settings([], environ, SWITCHES)


def source(fleet: Fleet, name: str) -> Any:
    return fleet.stacks[name].sources["redis"]


async def test_each_target_is_a_stack_with_nothing_of_the_others() -> None:
    fleet = Fleet(settings(a="a:1", b="b:1"), COLLECTORS)

    assert [*fleet.stacks] == [TOP, "a", "b"]
    assert {name: stack.addresses() for name, stack in fleet.stacks.items()} == {
        TOP: [("redis", "top:1")],
        "a": [("redis", "a:1")],
        "b": [("redis", "b:1")],
    }
    assert "host" in fleet.stacks[TOP].sources
    assert "host" not in fleet.stacks["a"].sources
    assert fleet.names() == ["redis", "a", "b"]
    await fleet.close()
    assert source(fleet, "a").closed == source(fleet, TOP).closed == 1


async def replaced(before: Settings, after: Settings) -> tuple[Fleet, Fleet]:
    """The old fleet, closed as after a reload, and the new one."""
    old = Fleet(before, COLLECTORS)
    new = Fleet(after, COLLECTORS, before=old)
    await old.idle(1)
    await old.close()
    return old, new


async def test_a_reload_adds_one_and_leaves_the_others_alone() -> None:
    old, new = await replaced(settings(a="a:1"), settings(a="a:1", b="b:1"))

    assert new.stacks[TOP] is old.stacks[TOP]
    assert new.stacks["a"] is old.stacks["a"]
    assert source(new, "a").closed == source(new, TOP).closed == source(new, "b").closed == 0
    assert [*new.served.targets] == ["a", "b"]
    await new.close()
    assert source(new, "a").closed == source(new, "b").closed == 1


async def test_a_reload_removes_one_and_closes_it() -> None:
    old, new = await replaced(settings(a="a:1", b="b:1"), settings(b="b:1"))

    assert source(old, "a").closed == 1
    assert source(new, "b").closed == 0
    assert [*new.served.targets] == ["b"]
    await new.close()


@pytest.mark.parametrize(
    "change",
    ["LABELS=env=test", "SCRAPE__SERIES_LIMIT=5", "COLLECTOR__REDIS_INFO=false", "REDIS__LABELS=env=test"],
)
async def test_what_does_not_concern_the_connection_keeps_it(change: str) -> None:
    old, new = await replaced(settings(a="a:1"), settings(a=f"a:1 {change}"))

    assert new.stacks["a"] is not old.stacks["a"]
    assert source(new, "a") is source(old, "a")
    assert source(new, "a").closed == 0
    await new.close()
    assert source(new, "a").closed == 1


@pytest.mark.parametrize("change", ["b:1", "a:1 REDIS__USERNAME=me", "a:1 REDIS__PASSWORD=new"])
async def test_what_concerns_the_connection_makes_a_new_one(change: str) -> None:
    old, new = await replaced(settings(a="a:1"), settings(a=change))

    assert source(new, "a") is not source(old, "a")
    assert (source(old, "a").closed, source(new, "a").closed) == (1, 0)
    await new.close()


async def test_two_names_that_are_swapped_are_two_new_ones() -> None:
    old, new = await replaced(settings(a="a:1", b="b:1"), settings(a="b:1", b="a:1"))

    assert [source(new, name).address for name in ("a", "b")] == ["b:1", "a:1"]
    assert source(old, "a").closed == source(old, "b").closed == 1
    await new.close()


async def test_on_the_page_or_not_is_no_reason_to_start_anew() -> None:
    old, new = await replaced(settings(a="a:1"), settings(a="a:1 ON_METRICS=false"))

    assert new.stacks["a"] is old.stacks["a"]
    assert not new.served.targets["a"].on_metrics
    await new.close()


async def test_a_target_has_its_own_bounds_or_those_of_the_top_level() -> None:
    fleet = Fleet(settings(a="a:1", b="b:1 SCRAPE__TIMEOUT_SECONDS=3"), COLLECTORS)
    a, b = fleet.served.targets["a"], fleet.served.targets["b"]

    assert (a.timeout_seconds, a.limit_seconds) == (10, None)
    assert (b.timeout_seconds, b.limit_seconds) == (3, 3)
    await fleet.close()


def background() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task.get_name() == "background redis_info"}


async def test_background_runs_of_the_unchanged_go_on_through_a_reload() -> None:
    info = COLLECTORS["redis_info"]
    slow = {**COLLECTORS, "redis_info": replace(info, spec=replace(info.spec, every_seconds=60))}
    old = Fleet(settings(a="a:1", b="b:1"), slow)
    old.start()
    before = background()
    new = Fleet(settings(a="a:1", c="c:1"), slow, before=old)
    new.start()
    await old.close()
    after = background()

    assert len(before) == len(after) == 3
    assert len(before & after) == 2
    await new.close()
    assert not background()


def texts(fleet: Fleet, name: str) -> list[str]:
    return [f"{query.target} {query.text}" for query in slow_queries_of(source(fleet, name)).newest()]


async def test_slow_queries_outlive_a_reload_and_go_into_one_log(tmp_path: Path) -> None:
    directory, kept = "EXPORTER_SLOW_QUERIES__DIRECTORY", "EXPORTER_SLOW_QUERIES__KEPT"
    environ = {"EXPORTER_REDIS__ADDRESS": "top:1", "EXPORTER_TARGETS__a__REDIS__ADDRESS": "a:1"}
    with_log = {**environ, directory: str(tmp_path)}
    old = Fleet(load_settings([], with_log, SWITCHES), COLLECTORS)
    old.start()
    for number in range(3):
        slow_queries_of(source(old, "a")).note(slow(text=f"before {number}"))
    slow_queries_of(source(old, TOP)).note(slow(text="top"))
    new = Fleet(load_settings([], {**with_log, kept: "2"}, SWITCHES), COLLECTORS, before=old)
    new.start()
    await old.close()
    slow_queries_of(source(new, "a")).note(slow(text="after"))
    await new.close()

    shown = {column.metric.name for table in new.slow_log.tables() for column in table.columns}
    assert texts(new, "a") == ["a after", "a before 2"]
    assert texts(new, TOP) == [" top"]
    written = [json.loads(line) for line in (tmp_path / "slow_queries.log").read_text().splitlines()]
    assert [f"{line['target']} {line['text']}" for line in written] == [
        "a before 0", "a before 1", "a before 2", " top", "a after",
    ]  # fmt: skip
    assert "exporter_slow_query_log_lines_total" in shown


async def test_the_top_level_alone_shows_what_became_of_them(tmp_path: Path) -> None:
    environ = {
        "EXPORTER_HOST__ENABLED": "false", "EXPORTER_TARGETS__a__REDIS__ADDRESS": "a:1",
        "EXPORTER_SLOW_QUERIES__DIRECTORY": str(tmp_path),
    }  # fmt: skip
    fleet = Fleet(load_settings([], environ, SWITCHES), COLLECTORS)
    fleet.start()
    await fleet.slow_log.close()
    pages = {name: await stack.scrape(Deadline.after(1), ()) for name, stack in fleet.stacks.items()}
    found = {
        name: any(c.metric.name == "exporter_slow_query_log_up" for t in page.tables for c in t.columns)
        for name, page in pages.items()
    }
    await fleet.close()

    assert found == {TOP: True, "a": False}
