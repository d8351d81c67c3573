"""Debian's postgres_exporter 0.11 and ours on one PostgreSQL 15: what both show is the same.

Ours shows the names of 0.11 and of its sample queries.yaml, which the package has, as well. Whatever differs
is a line of tests/compat/postgres_exceptions.tsv with the reason; a line that is not needed fails too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from math import isnan
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

import pytest

from tests.docs.upstream import lines
from tests.live.postgres.vacuums import table
from tests.servers import Exporter, Missing, Postgres, postgres_exporter, require
from tests.servers.page import samples_of
from tests.workload import DATABASE, SETTINGS, life

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("compat_side_by_side")]

QUERIES = Path("/usr/share/doc/prometheus-postgres-exporter/examples/queries.yaml")
EXCEPTIONS = [line for line in lines("postgres_exceptions.tsv") if line["what"] in ("missing", "differs")]

# Of the two processes themselves, not of the server.
OWN = ("pg_exporter_", "pg_scrape_collector_duration_")
ROUNDS = 3
BACKGROUND_SECONDS = 20.0
SECOND = 1.0
"""It cuts times to whole seconds."""

Series = tuple[str, frozenset[tuple[str, str]]]
Values = Mapping[Series, float]


class Round(NamedTuple):
    """Its page, ours, its again."""

    before: Values
    ours: Values
    after: Values


def read(page: str) -> dict[Series, float]:
    """The samples of the server; without the label `server`, and without those that say nothing."""
    return {
        (name, frozenset(pair for pair in labels if pair[0] != "server")): value
        for name, samples in samples_of(page).items()
        if name.startswith("pg_") and not name.startswith(OWN)
        for labels, value in samples.items()
        if not isnan(value)  # its NULL
    }


@pytest.fixture(scope="module")
def rounds() -> Iterator[list[Round]]:
    if not QUERIES.exists():
        raise Missing(f"{QUERIES} is not on this machine: run `apt-get install prometheus-postgres-exporter`")
    with ExitStack() as stack:
        server = stack.enter_context(require(Postgres, 15, settings=SETTINGS))
        stack.enter_context(life(server))
        with server.connect(dbname=DATABASE) as connection:
            for statement in table("vacuumed", "VACUUM {0}", "SELECT count(*) FROM {0}"):
                connection.execute(statement.encode())
        dsn = server.dsn(dbname=DATABASE)
        with_queries = f"--extend.query-path={QUERIES}"
        theirs = stack.enter_context(require(postgres_exporter, server, with_queries, dbname=DATABASE))
        ours = stack.enter_context(
            Exporter(
                postgres__dsn=dsn,
                host__enabled="false",
                compat__legacy_names="0.11,queries.yaml",
                collector__postmaster="true",
            )
        )
        until = monotonic() + BACKGROUND_SECONDS
        while "pg_database_size_bytes{" not in ours.scrape() and monotonic() < until:
            sleep(0.5)
        theirs.scrape()
        yield [
            Round(read(theirs.scrape()), read(ours.scrape()), read(theirs.scrape())) for _ in range(ROUNDS)
        ]


def written(series: Series) -> str:
    name, labels = series
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in sorted(labels)) + "}"


class Exceptions:
    """The lines of one kind, and which of them were needed."""

    def __init__(self, what: str) -> None:
        self._patterns = [line["series"] for line in EXCEPTIONS if line["what"] == what]
        self._needed: set[str] = set()

    def cover(self, series: Series) -> bool:
        found = {pattern for pattern in self._patterns if re.fullmatch(pattern, written(series))}
        self._needed |= found
        return bool(found)

    def needless(self) -> set[str]:
        return set(self._patterns) - self._needed


def test_each_of_its_series_is_ours(rounds: list[Round]) -> None:
    exceptions = Exceptions("missing")
    before, ours, _ = rounds[0]
    missing = [written(series) for series in before if series not in ours and not exceptions.cover(series)]

    assert missing == []
    assert exceptions.needless() == set()
    assert len(before) > 550


def test_values_agree_with_what_it_shows_before_and_after(rounds: list[Round]) -> None:
    exceptions = Exceptions("differs")
    for before, ours, after in rounds:
        both = before.keys() & ours.keys() & after.keys()
        wrong = [
            f"{written(series)}: {before[series]} <= {ours[series]} <= {after[series]}"
            for series in both
            if not between(series, before[series], ours[series], after[series])
            and not exceptions.cover(series)
        ]
        assert wrong == []
        assert len(both) > 500
    assert exceptions.needless() == set()


def between(series: Series, before: float, ours: float, after: float) -> bool:
    """Within what happened in between, which is nothing for most; settings are equal."""
    if series[0].startswith("pg_settings_"):
        return before == ours == after
    cut = SECOND if re.search(r"_reset|_last_(auto)?(vacuum|analyze)|start_time", series[0]) else 0.0
    slack = 1e-9 * abs(ours)
    return min(before, after) - slack <= ours < max(before, after) + cut + slack or ours in (before, after)
