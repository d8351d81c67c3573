"""The same workload on all versions: nearly every statement has a plan, and nothing happens for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.analysis.finding import Confidence, Kind
from exporter.sources.postgres.plans import PlanOutcome
from tests.live.analysis.defects.judge import judge
from tests.live.analysis.defects.survey import SETTINGS, Survey, survey
from tests.servers import MAJORS, Postgres, require

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(240)]

WITH_ROWS = (13, 18)
"""Where suggestions are judged: these have no HypoPG."""


@pytest.fixture(scope="module")
def surveys() -> Mapping[int, Survey]:
    servers = {major: require(Postgres, major, settings=SETTINGS) for major in MAJORS}

    def one(major: int) -> Survey:
        with servers[major] as server:
            return asyncio.run(survey(server, rows=major in WITH_ROWS))

    order = sorted(MAJORS, key=lambda major: major not in WITH_ROWS)
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(order, pool.map(one, order), strict=True))


@pytest.mark.parametrize("major", MAJORS)
def test_nearly_every_statement_has_a_plan(surveys: Mapping[int, Survey], major: int) -> None:
    """Of a role with pg_monitor, pg_read_all_data, and the function that plans."""
    outcomes = surveys[major].outcomes

    assert outcomes.total() >= 85
    assert outcomes[PlanOutcome.OK] >= 0.9 * outcomes.total()
    assert PlanOutcome.PERMISSION not in outcomes


@pytest.mark.parametrize("major", MAJORS)
def test_nothing_is_executed_or_written(surveys: Mapping[int, Survey], major: int) -> None:
    """Neither the trigger nor the volatile function was called, no row changed, no WAL was written."""
    ((before,), (after,)) = surveys[major].traces

    assert before == after
    assert before[0] >= 2, "they were called by the application"


@pytest.mark.parametrize("major", WITH_ROWS)
def test_missing_indexes_without_hypopg(surveys: Mapping[int, Survey], major: int) -> None:
    found = surveys[major]
    score = judge(found.report, found.asked, found.better, of_server=False)[Kind.MISSING_INDEX]

    missing = [f for f in found.report.findings if f.kind is Kind.MISSING_INDEX]
    assert {f.confidence for f in missing} <= {Confidence.MEDIUM, Confidence.LOW}, "nothing is proven"
    assert score.recall >= 0.75, score
    assert score.precision >= 0.9, score
