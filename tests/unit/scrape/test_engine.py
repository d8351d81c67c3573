"""The engine: in time whatever hangs, one run for all who ask, one failure hides nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

import pytest
from structlog.testing import capture_logs

from exporter.model.collector import Collect, CollectorSpec, Cost, Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Refused, Skip, Unavailable
from exporter.model.metric import gauge
from exporter.model.snapshot import Outcome, Snapshot, State
from exporter.model.table import Column, Table, single
from exporter.scrape.engine import Engine, EngineOptions

ONE = gauge("one", "One.")
UP = gauge("up", "Up.")


def named(
    name: str,
    collect: Collect,
    *,
    fallback: Sequence[Table] = (),
    every: float | None = None,
    limit: int | None = None,
) -> Named:
    spec = CollectorSpec(
        help=name,
        source="host",
        metrics=(ONE,),
        build=lambda _source: collect,
        fallback=fallback,
        every_seconds=every,
        series_limit=limit,
    )
    return Named(name, "host", spec)


def engine(*collectors: Named, limit: int = 1000) -> Engine:
    return Engine(collectors, {"host": object()}, EngineOptions(series_limit=limit))


async def good(_deadline: Deadline) -> Sequence[Table]:
    return [single({ONE: 1})]


async def hanging(_deadline: Deadline) -> Sequence[Table]:
    await asyncio.sleep(3600)
    return []


async def stubborn(_deadline: Deadline) -> Sequence[Table]:
    """Takes its time after it was cancelled, as a database driver may."""
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(0.3)
        raise
    return []


def raising(error: Exception) -> Collect:
    async def collect(_deadline: Deadline) -> Sequence[Table]:
        raise error

    return collect


def outcome(snapshot: Snapshot, name: str) -> Outcome:
    return next(o for o in snapshot.outcomes if o.collector == name)


def values(snapshot: Snapshot, metric: str) -> list[object]:
    return [v for t in snapshot.tables for c in t.columns if c.metric.name == metric for v in c.values]


async def test_what_hangs_costs_its_own_samples_and_no_time() -> None:
    started = monotonic()
    snapshot = await engine(named("good", good), named("hangs", hanging)).scrape(Deadline.after(0.2))

    assert monotonic() - started < 0.3
    assert values(snapshot, "one") == [1]
    assert outcome(snapshot, "good").state is State.OK
    assert outcome(snapshot, "hangs").state is State.LATE
    assert outcome(snapshot, "hangs").reason is Reason.DEADLINE
    assert dict(zip(_success(snapshot).rows, _success(snapshot).columns[0].values, strict=True)) == {
        ("good", "host"): 1,
        ("hangs", "host"): 0,
    }


def _success(snapshot: Snapshot) -> Table:
    return next(t for t in snapshot.tables if t.columns[0].metric.name == "exporter_collector_success")


async def test_a_run_that_does_not_end_is_not_waited_for_and_not_started_again() -> None:
    running = engine(named("stubborn", stubborn))
    await running.scrape(Deadline.after(0.05))
    started = monotonic()
    snapshot = await running.scrape(Deadline.after(1.0))

    assert monotonic() - started < 0.15
    assert outcome(snapshot, "stubborn").reason is Reason.BUSY

    await asyncio.sleep(0.35)
    assert outcome(await running.scrape(Deadline.after(0.05)), "stubborn").reason is Reason.DEADLINE


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (Skip(Reason.VERSION, "needs PostgreSQL 17"), State.SKIPPED, Reason.VERSION),
        (Unavailable("down"), State.FAILED, Reason.UNAVAILABLE),
        (Refused("no", Reason.PERMISSION), State.FAILED, Reason.PERMISSION),
        (ValueError("a bug"), State.FAILED, Reason.ERROR),
    ],
)
async def test_an_error_becomes_an_outcome(error: Exception, state: State, reason: Reason) -> None:
    snapshot = await engine(named("fails", raising(error)), named("good", good)).scrape(Deadline.after(1))

    assert (outcome(snapshot, "fails").state, outcome(snapshot, "fails").reason) == (state, reason)
    assert str(error) in outcome(snapshot, "fails").text
    assert values(snapshot, "one") == [1]


async def test_a_skipped_collector_has_neither_failed_nor_succeeded() -> None:
    snapshot = await engine(named("skips", raising(Skip(Reason.VERSION, "old")))).scrape(Deadline.after(1))

    assert _success(snapshot).columns[0].values == [None]
    skipped = next(t for t in snapshot.tables if t.columns[0].metric.name == "exporter_collector_skipped")
    assert skipped.rows == [("skips", "host", "version")]


@pytest.mark.parametrize("collect", [raising(Unavailable("down")), hanging], ids=["failed", "late"])
async def test_the_fallback_says_what_is_known_without_an_answer(collect: Collect) -> None:
    fallback = (single({UP: 0}),)
    snapshot = await engine(named("up", collect, fallback=fallback)).scrape(Deadline.after(0.1))

    assert values(snapshot, "up") == [0]


async def test_part_of_a_result_is_shown_and_counted_as_a_failure() -> None:
    partial = Partial([single({ONE: 5})], Unavailable("one database is down"))
    snapshot = await engine(named("partial", raising(partial))).scrape(Deadline.after(1))

    assert values(snapshot, "one") == [5]
    assert outcome(snapshot, "partial").state is State.FAILED
    assert outcome(snapshot, "partial").reason is Reason.UNAVAILABLE


def counting(seconds: float) -> tuple[Collect, Callable[[], int]]:
    runs = 0

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        nonlocal runs
        runs += 1
        await asyncio.sleep(seconds)
        return [single({ONE: runs})]

    return collect, lambda: runs


async def test_scrapes_at_the_same_time_share_one_run() -> None:
    collect, runs = counting(0.05)
    running = engine(named("slow", collect))
    snapshots = await asyncio.gather(*(running.scrape(Deadline.after(1)) for _ in range(50)))

    assert runs() == 1
    assert [values(s, "one") for s in snapshots] == [[1]] * 50

    await running.scrape(Deadline.after(1))
    assert runs() == 2


async def test_one_client_that_leaves_takes_nothing_from_the_others() -> None:
    collect, runs = counting(0.1)
    running = engine(named("slow", collect))
    leaver = asyncio.create_task(running.scrape(Deadline.after(1)))
    stayer = asyncio.create_task(running.scrape(Deadline.after(1)))
    await asyncio.sleep(0.02)
    leaver.cancel()

    assert values(await stayer, "one") == [1]
    assert runs() == 1


async def test_the_last_client_that_leaves_ends_the_run() -> None:
    ended = asyncio.Event()

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()
        return []

    scrape = asyncio.create_task(engine(named("slow", collect)).scrape(Deadline.after(10)))
    await asyncio.sleep(0.02)
    scrape.cancel()

    await asyncio.wait_for(ended.wait(), 0.2)


async def test_a_scrape_right_after_one_that_was_given_up_is_whole() -> None:
    collect, runs = counting(0.05)
    running = engine(named("slow", collect))
    gone = asyncio.create_task(running.scrape(Deadline.after(1)))
    await asyncio.sleep(0.01)
    gone.cancel()
    await asyncio.sleep(0)
    snapshot = await running.scrape(Deadline.after(1))

    assert outcome(snapshot, "slow").state is State.OK
    assert runs() == 2


@pytest.mark.parametrize(("own", "of_all"), [(None, 20), (20, 1000), (1000, 20)])
async def test_series_over_the_limit_are_dropped_and_counted(own: int | None, of_all: int) -> None:
    async def many(_deadline: Deadline) -> Sequence[Table]:
        return [
            Table(("n",), [(str(n),) for n in range(30)], [Column(ONE, range(30)), Column(UP, range(30))])
        ]

    running = engine(named("many", many, limit=own), limit=of_all)
    for scrapes in (1, 2):
        snapshot = await running.scrape(Deadline.after(1))

        assert values(snapshot, "one") == list(range(10))
        assert values(snapshot, "exporter_series_dropped_total") == [40 * scrapes]


async def test_only_what_is_selected_runs() -> None:
    collect, runs = counting(0)
    snapshot = await engine(named("a", collect), named("b", good)).scrape(Deadline.after(1), {"b"})

    assert runs() == 0
    assert [o.collector for o in snapshot.outcomes] == ["b"]


async def test_cheap_collectors_are_started_first() -> None:
    order: list[str] = []

    def noting(name: str) -> Collect:
        async def collect(_deadline: Deadline) -> Sequence[Table]:
            order.append(name)
            return []

        return collect

    def with_cost(name: str, cost: Cost) -> Named:
        spec = CollectorSpec(
            help=name, source="host", metrics=(), build=lambda _source: noting(name), cost=cost
        )
        return Named(name, "host", spec)

    await engine(with_cost("rows", Cost.ROWS), with_cost("cheap", Cost.CHEAP)).scrape(Deadline.after(1))

    assert order == ["cheap", "rows"]


async def test_a_collector_without_its_source_is_off() -> None:
    running = Engine([named("a", good)], {})

    assert running.collectors == []
    assert (await running.scrape(Deadline.after(1))).outcomes == []


async def test_one_log_line_for_each_change_of_state() -> None:
    error: Exception | None = Refused("no right", Reason.PERMISSION)

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        if error is not None:
            raise error
        return []

    running = engine(named("fails", collect))
    with capture_logs() as logs:
        for _ in range(3):
            await running.scrape(Deadline.after(1))
        error = None
        for _ in range(3):
            await running.scrape(Deadline.after(1))

    assert [line["event"] for line in logs] == ["collector gave no full result", "collector works again"]


async def test_a_target_that_is_down_is_its_sources_line_to_log() -> None:
    with capture_logs() as logs:
        await engine(named("fails", raising(Unavailable("down")))).scrape(Deadline.after(1))

    assert logs == []


async def test_a_background_collector_runs_by_its_own_period_and_says_how_old_it_is() -> None:
    collect, runs = counting(0.05)
    running = engine(named("costly", collect, every=60.0))
    running.start()
    try:
        for _ in range(3):
            snapshot = await running.scrape(Deadline.after(1))
        assert runs() == 1
        assert values(snapshot, "one") == [1]
        (age,) = (v for v in values(snapshot, "exporter_collector_age_seconds") if v is not None)
        assert isinstance(age, float)
        assert 0 < age < 1
    finally:
        await running.stop()


async def test_a_background_collector_that_hangs_holds_up_the_first_page_for_a_moment_only() -> None:
    running = engine(named("costly", hanging, every=60.0))
    running.start()
    try:
        started = monotonic()
        snapshot = await running.scrape(Deadline.after(5))
        assert 0.3 < monotonic() - started < 0.7
        assert outcome(snapshot, "costly").reason is Reason.NO_DATA

        started = monotonic()
        await running.scrape(Deadline.after(5))
        assert monotonic() - started < 0.05
    finally:
        await running.stop()


async def test_a_background_collector_that_fails_keeps_its_last_result() -> None:
    fails = False

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        if fails:
            raise Unavailable("down")
        return [single({ONE: 7})]

    running = engine(named("costly", collect, every=0.05))
    running.start()
    try:
        await asyncio.sleep(0.02)
        fails = True
        await asyncio.sleep(0.15)
        snapshot = await running.scrape(Deadline.after(1))

        assert values(snapshot, "one") == [7]
        assert outcome(snapshot, "costly").state is State.FAILED
        assert (outcome(snapshot, "costly").age or 0) > 0.1
    finally:
        await running.stop()


async def test_a_background_collector_is_whole_as_soon_as_its_target_is_back() -> None:
    down = True

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        if down:
            raise Unavailable("down")
        return [single({ONE: 7})]

    running = engine(named("costly", collect, every=60.0), named("cheap", collect))
    running.start()
    try:
        snapshot = await running.scrape(Deadline.after(1))
        assert outcome(snapshot, "costly").state is State.FAILED
        assert values(snapshot, "exporter_collector_age_seconds") == [None, None]
        down = False
        snapshot = await running.scrape(Deadline.after(1))

        assert [o.state for o in snapshot.outcomes] == [State.OK, State.OK]
    finally:
        await running.stop()


async def test_late_collectors_share_a_line_now_and_then() -> None:
    running = engine(named("one", hanging), named("two", hanging), named("good", good))
    with capture_logs() as logs:
        for _ in range(3):
            await running.scrape(Deadline.after(0.02))

    assert [line["collectors"] for line in logs] == [["one", "two"]]


async def test_one_of_many_databases_that_is_down_is_logged() -> None:
    partial = Partial([single({ONE: 5})], Unavailable("database closed: refused"))
    running = engine(named("partial", raising(partial)))
    with capture_logs() as logs:
        for _ in range(3):
            await running.scrape(Deadline.after(1))

    assert [line["text"] for line in logs] == ["database closed: refused"]
