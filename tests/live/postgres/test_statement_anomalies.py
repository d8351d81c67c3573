"""Scores of statements on a real server, with a week that outlives the process."""

from __future__ import annotations

from array import array
from dataclasses import replace
from math import isnan
from pathlib import Path
from time import time

import pytest

from exporter.collectors.postgres import _statements_rings
from exporter.collectors.postgres._statements import Owner, Statement
from exporter.collectors.postgres._statements_rings import Week
from exporter.collectors.postgres._statements_rings_file import load, save
from exporter.collectors.postgres._statements_score import LENGTH
from exporter.collectors.postgres._statements_source import statements_of
from exporter.model.deadline import Deadline
from exporter.model.table import Labels, Value
from exporter.sources.postgres.connect import PostgresOptions, QueryOptions
from tests.collecting import SPECS, database, source
from tests.servers import Postgres

pytestmark = pytest.mark.live

BUCKET_SECONDS = 0.02
"""In place of five minutes: each reading is in a bucket of its own."""
SLOW = "SELECT pg_sleep(0.005)"
CALLS = 15


async def readings(pg: Postgres, path: Path) -> list[dict[str, dict[Labels, Value]]]:
    """What the collector gives in three runs; the statement runs before each."""
    options = replace(PostgresOptions(dsn=pg.dsn()), queries=QueryOptions(history_file=path))
    pages = []
    async with source(options) as server:
        collect = SPECS["statement_anomalies"].build(server)
        for _ in range(3):
            with pg.connect(dbname="shop") as session:
                for _ in range(CALLS):
                    session.execute(SLOW)
            statements_of(server)._read_at = float("-inf")
            columns = [(t.rows, c) for t in await collect(Deadline.after(20)) for c in t.columns]
            pages.append({c.metric.name: dict(zip(rows, c.values, strict=True)) for rows, c in columns})
    return pages


def statement(pg: Postgres) -> Statement:
    """The slow one; it is among the 100 with most time, whatever other tests have done."""
    ((queryid,),) = pg.execute("""
        SELECT queryid::text FROM pg_stat_statements JOIN pg_database ON oid = dbid
        WHERE datname = 'shop' AND query ~ 'pg_sleep'""")
    return Statement(Owner("shop", "postgres"), queryid)


@pytest.mark.pg(15)
async def test_what_takes_longer_than_in_the_week_of_the_file_is_unusual(
    pg: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_statements_rings, "BUCKET_SECONDS", BUCKET_SECONDS)
    path = tmp_path / "statements.week"
    with database(pg, "shop"):
        first = await readings(pg, path)
        slow = statement(pg)
        kept = load(path)
        save(path, Week(int(time() // BUCKET_SECONDS) - 1, {slow: array("f", [1.0]) * LENGTH}))
        second = await readings(pg, path)
        later = load(path)

    labels = (*slow.owner, slow.queryid)
    assert [page["pg_statements_anomaly_score"] for page in first] == [{}] * 3
    assert first[-1]["pg_statements_anomaly_warming_up"][()] >= 1  # type: ignore[operator]
    assert kept is not None
    values = [value for value in kept.rings[slow] if not isnan(value)]
    assert values
    assert all(5 <= value < 100 for value in values)
    score = second[-1]["pg_statements_anomaly_score"][labels]
    usual, threshold = 1.0, 3.0
    assert score >= (5 - usual) / (threshold - usual)  # type: ignore[operator]
    assert later is not None
    assert later.bucket > kept.bucket
    assert later.rings[slow][later.bucket % LENGTH] >= 5


@pytest.mark.pg(15)
async def test_a_file_that_is_none_of_ours_is_replaced_not_fatal(
    pg: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_statements_rings, "BUCKET_SECONDS", BUCKET_SECONDS)
    path = tmp_path / "statements.week"
    path.write_text("something else")
    with database(pg, "shop"):
        await readings(pg, path)
        slow = statement(pg)

    week = load(path)
    assert week is not None
    assert slow in week.rings
