from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.collectors import discover
from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.model.snapshot import Outcome, State
from exporter.scrape.engine import Engine
from exporter.sources.pgbouncer import PgBouncerOptions, PgBouncerServer, server
from tests.live.pool.workload import bouncer
from tests.servers import PgBouncer, Postgres

Labels = frozenset[tuple[str, str]]


class Page:
    """One scrape: the samples of the page, and what became of each collector."""

    def __init__(self, text: str, outcomes: Sequence[Outcome]) -> None:
        self.text = text
        self.outcomes = {outcome.collector: outcome for outcome in outcomes}
        self.samples: dict[str, dict[Labels, float]] = {}
        self.kinds: dict[str, str] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self.kinds[sample.name] = family.type
                self.samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value

    def value(self, name: str, /, **labels: str) -> float:
        """The one sample with these labels among others."""
        wanted = set(labels.items())
        (found,) = (v for key, v in self.samples.get(name, {}).items() if wanted <= key)
        return found

    @property
    def reasons(self) -> set[str]:
        """Why collectors failed; empty if all is well. What this version lacks is no failure."""
        return {str(o.reason) for o in self.outcomes.values() if o.reason and o.state is not State.SKIPPED}


class Scraper:
    """The pool family on one PgBouncer, from the source to the page."""

    def __init__(self, dsn: str, pools: Sequence[Any] = (), **given: Any) -> None:
        options = PgBouncerOptions(dsn, **given)
        self.source = PgBouncerServer(options)
        named = [n for n in discover().values() if n.family == "pool"]
        self._engine = Engine(named, {"pgbouncer": self.source, "psycopg_pool": pools})
        self._encoder = TextEncoder()

    async def scrape(self, seconds: float = 5.0) -> Page:
        """One scrape with so much time."""
        snapshot = await self._engine.scrape(Deadline.after(seconds))
        return Page(b"".join(self._encoder.encode(snapshot.tables)).decode(), snapshot.outcomes)


@pytest.fixture
async def scraper() -> AsyncIterator[Callable[..., Scraper]]:
    """scraper(dsn): closed at the end."""
    made: list[Scraper] = []

    def make(*args: Any, **kwargs: Any) -> Scraper:
        made.append(Scraper(*args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        await one.source.close()


@pytest.fixture
def waits_for_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every version counts as one whose SIGTERM waits for its clients, as 1.23 and newer."""
    monkeypatch.setattr(server, "CLIENTS_HOLD_UP", 0)


@pytest.fixture(scope="module")
def pooler(postgres: Postgres) -> Iterator[PgBouncer]:
    """A PgBouncer with the workload's databases, for tests that leave it whole."""
    with bouncer(postgres) as running:
        yield running


@pytest.fixture
def fresh_pooler(postgres: Postgres) -> Iterator[PgBouncer]:
    """One of the test's own, to be broken."""
    with bouncer(postgres) as running:
        yield running
