"""A workload with known defects, on PostgreSQL 15 with HypoPG: what is found, what is missed, what is wrong.

Everything that is suggested is done: what is to be dropped is dropped, what is to be created is created, and
blocks are counted before and after.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping

import pytest

from exporter.analysis.finding import Confidence, Kind
from tests.live.analysis.defects.indexes import INDEXES
from tests.live.analysis.defects.judge import Score, judge
from tests.live.analysis.defects.schema import INVALID
from tests.live.analysis.defects.trial import BETTER, SETTINGS, Outcome, trial
from tests.servers import Postgres, require

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(240)]

READY = re.compile(r"^(SELECT|CREATE|ALTER|DROP|REINDEX|VACUUM|ANALYZE|SET) ", re.MULTILINE)
"""What begins a statement, also below a comment."""
LEAST: Mapping[Kind, tuple[float, float]] = {
    Kind.MISSING_INDEX: (0.8, 0.9),
    Kind.COVERING_INDEX: (1.0, 1.0),
    Kind.TRIGRAM_INDEX: (1.0, 1.0),
    Kind.GIN_INDEX: (1.0, 1.0),
    Kind.UNUSED_INDEX: (1.0, 1.0),
    Kind.DUPLICATE_INDEX: (1.0, 1.0),
    Kind.INVALID_INDEX: (1.0, 1.0),
    Kind.UNINDEXED_FOREIGN_KEY: (1.0, 1.0),
    Kind.TABLE_BLOAT: (1.0, 1.0),
    Kind.INDEX_BLOAT: (1.0, 1.0),
    Kind.VACUUM_DEBT: (1.0, 1.0),
    Kind.ANALYZE_DEBT: (1.0, 1.0),
    Kind.SETTING: (1.0, 1.0),
    Kind.CLIENT: (1.0, 1.0),
    Kind.N_PLUS_ONE: (1.0, 1.0),
    Kind.ANTI_PATTERN: (0.85, 0.9),
}
"""Recall and precision. Of the anti-patterns some wait for five milliseconds a call, and machines differ."""


@pytest.fixture(scope="module")
def outcome() -> Iterator[Outcome]:
    with require(Postgres, settings=SETTINGS) as server:
        yield asyncio.run(trial(server))


@pytest.fixture(scope="module")
def scores(outcome: Outcome) -> Mapping[Kind, Score]:
    return judge(outcome.report, outcome.asked, outcome.better)


def test_every_label_is_true(outcome: Outcome) -> None:
    """With the index that a statement is said to want it reads less."""
    shares = {name: blocks / outcome.before[name] for name, blocks in outcome.labelled.items()}

    assert len(shares) >= 30
    assert {name: share for name, share in shares.items() if share > BETTER} == {}


def test_each_kind_is_found_and_little_else(scores: Mapping[Kind, Score]) -> None:
    assert scores.keys() == LEAST.keys(), "nothing of another kind is said"
    short = {
        kind: score
        for kind, score in scores.items()
        if score.recall < LEAST[kind][0] or score.precision < LEAST[kind][1]
    }
    assert short == {}


def test_what_hypopg_proves_is_called_proven(outcome: Outcome) -> None:
    found = {f.confidence for f in outcome.report.findings if f.kind is Kind.MISSING_INDEX}

    assert found <= {Confidence.PROVEN, Confidence.LOW}
    assert Confidence.PROVEN in found


def test_no_drop_is_wrong(outcome: Outcome) -> None:
    """All of them were run: the rules of the data are still there, and no statement reads more."""
    labelled = {made.name for made in INDEXES if made.kind} | {INVALID}
    dropped = {sql.rstrip(";").rpartition(".")[2] for sql in outcome.drops}

    assert len(dropped) >= 10
    assert dropped <= labelled
    assert outcome.rules[0] == outcome.rules[1]
    assert outcome.worse == {}


def test_no_index_is_suggested_twice(outcome: Outcome) -> None:
    """All of them were created."""
    assert len(outcome.better) >= 25
    assert outcome.twice == []


def test_n_plus_one_is_no_false_alarm(scores: Mapping[Kind, Score]) -> None:
    score = scores[Kind.N_PLUS_ONE]

    assert (len(score.found), score.right, score.wrong) == (2, 2, [])


def test_what_is_ready_is_sql(outcome: Outcome) -> None:
    """Where nothing is left open by dots, or by a value that is not known."""
    pgparse = pytest.importorskip("pgparse")
    texts = {sql for finding in outcome.report.findings for sql in finding.sql}
    ready = {sql for sql in texts if READY.search(sql) and not re.search(r"\.\.\.|[?$]", sql)}
    wrong = {}
    for sql in ready:
        try:
            pgparse.parse(sql)
        except pgparse.PGQueryError as error:
            wrong[sql] = str(error)

    assert len(ready) >= 60
    assert wrong == {}
