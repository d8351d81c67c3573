"""The loops of an application that runs just now."""

from __future__ import annotations

import pytest

from exporter.analysis.finding import Confidence
from exporter.analysis.n_plus_one import suspected_pairs
from tests.live.analysis.n_plus_one_app import LOOPS, Application
from tests.record_n_plus_one import SETTINGS, capture
from tests.servers import Postgres, require

pytestmark = [pytest.mark.live, pytest.mark.slow]


async def test_loops_are_found_and_requests_that_look_like_them_are_not() -> None:
    with require(Postgres, settings=SETTINGS) as server:
        server.execute("CREATE EXTENSION pg_stat_statements")
        with Application(server, seed=3) as application:
            recorded = await capture(server, application, intervals=10)

    found = list(suspected_pairs(recorded.history, recorded.statements))
    assert {tuple(recorded.statements[key].tables[0] for key in f.statements) for f in found} == LOOPS
    assert {f.subject for f in found if f.confidence is Confidence.HIGH} == {"customers", "items"}
    assert any(i.nested for i in recorded.history), "checks of foreign keys were there to be left out"
