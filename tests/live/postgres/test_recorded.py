"""Every collector's page from what PostgreSQL 13 to 18 answered once, played back on one server.

Where the page differs on purpose, `python -m tests.record` writes the golden files anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.replay import Player, Recording, golden, page, played, recorded_collectors
from tests.servers import MAJORS, Postgres

pytestmark = pytest.mark.live

COLLECTORS = recorded_collectors()


@pytest.fixture(scope="module", params=MAJORS, ids=[f"pg{major}" for major in MAJORS])
def player(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[Player]:
    with played(postgres, Recording.load(request.param)) as player:
        yield player


@pytest.mark.parametrize("name", COLLECTORS)
async def test_recorded_rows_give_the_golden_page(player: Player, name: str) -> None:
    text = await page(player, COLLECTORS[name])

    assert text == golden(name, player.major).read_text()


def test_a_golden_file_belongs_to_a_collector() -> None:
    expected = {golden(name, major) for name in COLLECTORS for major in MAJORS}

    assert set(golden("x", 13).parent.iterdir()) == expected
