"""Stretches of time: made, kept, compared."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.analysis.baseline.comparison import Verdict, compare
from exporter.analysis.baseline.document import (
    NotABaseline,
    baseline_document,
    baseline_of,
    comparison_document,
)
from exporter.analysis.baseline.regressions import regressions
from exporter.analysis.baseline.snapshot import Baseline, Measured, Restarted, between, lifetime
from exporter.analysis.baseline.store import KEPT, Store, StoreError, folder_of
from exporter.analysis.finding import Confidence
from exporter.facts.moment import Moment
from exporter.facts.statement import Counters, Statement, StatementKey

SECONDS = 60.0


def _counters(calls: int, mean: float, stddev: float, blocks: float = 4) -> Counters:
    return Counters(
        calls=calls,
        exec_ms=calls * mean,
        square_ms=calls * (stddev**2 + mean**2),
        shared_blks_hit=calls * blocks,
    )


def _measured(number: int, counters: Counters) -> Measured:
    key = StatementKey("shop", "app", f"{number:016x}")
    return Measured(key=key, text=f"SELECT {number}", operation="SELECT", tables=("t",), counters=counters)


def _baseline(*counters: Counters, name: str = "one", taken_at: float = 1e9, first: int = 0) -> Baseline:
    statements = tuple(_measured(first + n, one) for n, one in enumerate(counters))
    totals = Counters()
    for one in counters:
        totals = totals.plus(one)
    return Baseline(
        name=name,
        target="db:5432",
        major=15,
        taken_at=taken_at,
        seconds=SECONDS,
        statements=statements,
        totals=totals,
        figures={"xact_commit": 600, "blks_hit": 900, "blks_read": 100},
        table_bytes={"shop.public.t": 1000},
    )


def _verdicts(before: Counters, after: Counters) -> tuple[Verdict, Verdict]:
    comparison = compare(_baseline(before), _baseline(after))
    return comparison.changes[0].verdict, comparison.verdict


OLD = _counters(1000, 2.0, 1.0)


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        pytest.param(_counters(1000, 4.0, 2.0), Verdict.WORSE, id="twice as slow"),
        pytest.param(_counters(1000, 1.0, 0.5), Verdict.BETTER, id="twice as fast"),
        pytest.param(_counters(1000, 2.45, 1.0), Verdict.SAME, id="0.45 ms: significant, and not felt"),
        pytest.param(_counters(40, 4.0, 9.0), Verdict.SAME, id="chance: a few long calls"),
        pytest.param(_counters(1000, 2.0, 1.0), Verdict.SAME, id="the same"),
    ],
)
def test_a_statement_is_judged(after: Counters, verdict: Verdict) -> None:
    assert _verdicts(OLD, after) == (verdict, verdict)


def test_fifteen_percent_are_not_enough() -> None:
    assert _verdicts(_counters(1000, 20.0, 1.0), _counters(1000, 23.0, 1.0))[1] is Verdict.SAME
    assert _verdicts(_counters(1000, 20.0, 1.0), _counters(1000, 25.0, 1.0))[1] is Verdict.WORSE


def test_what_is_small_counts_where_it_is_frequent() -> None:
    seldom = _verdicts(_counters(600, 0.05, 0.02), _counters(600, 0.15, 0.05))
    often = _verdicts(_counters(60_000, 0.05, 0.02), _counters(60_000, 0.15, 0.05))

    assert (seldom[0], often[0]) == (Verdict.SAME, Verdict.WORSE)


def test_too_few_calls_can_not_be_compared() -> None:
    comparison = compare(_baseline(OLD), _baseline(_counters(29, 90.0, 1.0)))

    assert comparison.verdict is Verdict.NOT_COMPARABLE
    assert (len(comparison.changes), comparison.too_few) == (0, 1)


def test_another_workload_can_not_be_compared() -> None:
    other = [_counters(5000, 1.0, 1.0) for _ in range(4)]
    before, after = _baseline(OLD, *other), _baseline(OLD, *other)
    moved = replace(
        after,
        statements=(after.statements[0], *(_measured(90 + n, one) for n, one in enumerate(other))),
    )

    comparison = compare(before, moved)

    assert comparison.verdict is Verdict.NOT_COMPARABLE
    assert (len(comparison.new), len(comparison.vanished)) == (4, 4)


def test_many_statements_need_more_to_stand_out() -> None:
    """One of z = 3.9 among a thousand that are as before is an accident; alone it is none."""
    before, after = _counters(400, 10.0, 11.0), _counters(400, 13.0, 11.0)
    same = [OLD] * 999

    alone = compare(_baseline(before), _baseline(after))
    among = compare(_baseline(before, *same), _baseline(after, *same))

    assert [c.verdict for c in alone.changes] == [Verdict.WORSE]
    assert {c.verdict for c in among.changes} == {Verdict.SAME}


@pytest.mark.parametrize("seed", range(8))
def test_noise_alone_is_the_same(seed: int) -> None:
    """Two hundred statements whose times scatter as real ones do: lognormal."""
    chance = random.Random(seed)

    def sample(mean: float, calls: int) -> Counters:
        times = [chance.lognormvariate(0, 0.8) * mean for _ in range(calls)]
        squares = sum(time * time for time in times)
        return Counters(calls=calls, exec_ms=sum(times), square_ms=squares, shared_blks_hit=calls)

    means = [(chance.uniform(0.5, 50), chance.randint(30, 200)) for _ in range(200)]
    before, after = (_baseline(*(sample(*one) for one in means)) for _ in range(2))

    assert compare(before, after).verdict is Verdict.SAME


def test_a_slower_machine_is_not_the_fault_of_a_statement() -> None:
    before = [_counters(500, 2.0 + n, 1.0) for n in range(9)]

    def times(factor: float, last: float) -> Sequence[Counters]:
        return [_counters(500, one.mean_ms * factor, 1.0) for one in before[:-1]] + [
            _counters(500, before[-1].mean_ms * last, 1.0, blocks=90)
        ]

    slower = compare(_baseline(*before), _baseline(*times(1.3, 1.3)))
    guilty = compare(_baseline(*before), _baseline(*times(1.3, 4.0)))
    twice = compare(_baseline(*before), _baseline(*times(2.0, 2.0)))
    faster = compare(_baseline(*before), _baseline(*times(0.5, 0.5)))

    assert [one.verdict for one in (slower, guilty, twice, faster)] == ["same", "worse", "worse", "better"]
    assert slower.shift == pytest.approx(1.3)
    assert [c.after.key.id for c in guilty.changes if c.verdict is Verdict.WORSE] == [f"{8:016x}"]
    assert "all statements take 2.0 times" in twice.reason
    assert [f.rule for f in regressions(twice)] == ["server"]


def test_a_regression_is_a_finding_with_its_evidence() -> None:
    reads_more = compare(_baseline(OLD), _baseline(_counters(1000, 8.0, 2.0, blocks=900)))
    waits = compare(_baseline(OLD), _baseline(_counters(1000, 8.0, 2.0)))

    (first,), (second,) = list(regressions(reads_more)), list(regressions(waits))
    evidence = {one.name: one.value for one in first.evidence}
    assert (first.confidence, second.confidence) == (Confidence.HIGH, Confidence.MEDIUM)
    assert evidence["mean before"] == 0.002
    assert evidence["mean after"] == 0.008
    assert evidence["blocks a call after"] == 900
    assert first.weight == pytest.approx(6.0 * 1000 / SECONDS)
    assert list(regressions(compare(_baseline(OLD), _baseline(OLD)))) == []


def _moment(at: float, since: float | None, **calls: int) -> Moment:
    statements = tuple(
        Statement(
            key=StatementKey("shop", "app", name),
            queryids=("1",),
            text=f"SELECT {name}",
            raw="SELECT 's3cret'",
            operation="SELECT",
            tables=(),
            counters=_counters(count, 2.0, 1.0),
        )
        for name, count in calls.items()
    )
    totals = Counters(calls=sum(calls.values()), exec_ms=2.0 * sum(calls.values()))
    figures = {"xact_commit": at, "deadlocks": 7.0}
    return Moment(
        taken_at=at, since=since, statements=statements, totals=totals, figures=figures, major=15,
        table_bytes={"shop.public.t": 8192},
    )  # fmt: skip


def test_a_stretch_of_time_is_the_difference_of_two_moments() -> None:
    made = between(_moment(100, 5, a=10, b=4), _moment(160, 5, a=50, b=4, c=6), name="x", target="db")

    calls = {one.key.id: one.counters.calls for one in made.statements}
    assert calls == {"a": 40, "c": 6}, "b did not run"
    assert made.statements[0].counters.stddev_ms == pytest.approx(1.0)
    assert (made.seconds, made.rate("xact_commit"), made.figures["deadlocks"]) == (60, 1.0, 0.0)
    assert made.totals.calls == 46


def test_an_old_statement_that_was_not_listed_before_is_left_out() -> None:
    earlier = replace(_moment(100, 5, a=10), totals=Counters(calls=1000, exec_ms=2000))
    later = replace(_moment(160, 5, a=20, b=900), totals=Counters(calls=1030, exec_ms=2060))

    made = between(earlier, later, name="x", target="db")

    assert [one.key.id for one in made.statements] == ["a"]


@pytest.mark.parametrize("later", [_moment(160, 130, a=50), _moment(160, 5, a=2)])
def test_statistics_that_began_anew_say_nothing(later: Moment) -> None:
    with pytest.raises(Restarted):
        between(_moment(100, 5, a=10), later, name="x", target="db")


def test_the_lifetime_is_since_the_statistics_began() -> None:
    assert lifetime(_moment(100, 40, a=10), name="x", target="db").seconds == 60
    unknown = lifetime(_moment(100, None, a=10), name="x", target="db")
    assert (unknown.seconds, unknown.rate("xact_commit")) == (None, None)


def test_a_document_says_it_all_and_no_secret() -> None:
    made = between(_moment(100, 5, a=10), _moment(160, 5, a=50), name="x", target="db")
    document = json.loads(json.dumps(baseline_document(made)))

    assert baseline_of(document) == made
    assert "s3cret" not in json.dumps(document)


@pytest.mark.parametrize(
    "document",
    [[], {}, {"version": 2}, {"version": 1}, baseline_document(_baseline(OLD)) | {"statements": [{}]}],
)
def test_what_is_no_baseline_is_refused(document: object) -> None:
    with pytest.raises(NotABaseline):
        baseline_of(document)


def test_the_document_of_a_comparison() -> None:
    document = comparison_document(compare(_baseline(OLD), _baseline(_counters(1000, 8.0, 2.0), name="two")))

    (changed,) = json.loads(json.dumps(document))["statements"]
    assert [one["kind"] for one in document["findings"]] == ["regression"]
    assert (document["verdict"], changed["verdict"], changed["ratio"]) == ("worse", "worse", 4.0)
    assert changed["before"] == {"calls": 1000, "mean_ms": 2, "stddev_ms": 1, "blocks_per_call": 4}


def test_files_are_kept_for_their_owner_alone_and_ten_of_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    for number in range(KEPT + 3):
        path = store.save(_baseline(OLD, name=f"n{number}", taken_at=1e9 + number))

    assert path.stat().st_mode & 0o777 == 0o600
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in store.all()] == [f"n{n}" for n in range(KEPT + 2, 2, -1)]
    assert len(list(store.folder.iterdir())) == KEPT
    assert [one.name for one in store.newest_two()] == ["n11", "n12"]
    assert store.load("n12") == _baseline(OLD, name="n12", taken_at=1e9 + 12)


def test_what_can_not_be_kept_or_found_is_said(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(_baseline(OLD, name="good"))
    (store.folder / "broken.json").write_text('{"version": 1')

    with pytest.raises(StoreError, match="already"):
        store.save(_baseline(OLD, name="good"))
    for name in ("../good", "", ".hidden", "a" * 65, "a/b"):
        with pytest.raises(StoreError, match="no name"):
            store.load(name)
    with pytest.raises(StoreError, match="there are: good"):
        store.load("bad")
    with pytest.raises(StoreError, match=r"broken\.json"):
        store.load("broken")
    with pytest.raises(StoreError, match="takes two"):
        store.newest_two()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Not a directory"):
        Store(tmp_path / "file").save(_baseline(OLD))


def test_targets_do_not_see_each_other(tmp_path: Path) -> None:
    names = [None, "main", "a/b", "a%2fb", "..", "a_b", "A_b"]
    folders = {Store(tmp_path, name).folder for name in names}

    assert len(folders) == len(names)
    assert all(folder.parent == tmp_path / "baselines" for folder in folders)


def test_where_baselines_are_kept() -> None:
    assert folder_of("/var/lib/x", {}) == Path("/var/lib/x")
    assert folder_of(None, {"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/datastack-exporter")
    assert folder_of(None, {"XDG_STATE_HOME": "no", "HOME": "/h"}) == Path(
        "/h/.local/state/datastack-exporter"
    )
    with pytest.raises(StoreError, match=r"analysis\.directory"):
        folder_of(None, {})
