"""Captures what the application with N+1 loops counts: python -m tests.record_n_plus_one

Two runs of a quarter of a minute each on PostgreSQL 15, to `tests/recorded/n_plus_one/`, so that the rule is
tested on real counts without a server.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import pairwise

from exporter.facts.read_statements import read_statements
from exporter.model.deadline import Deadline
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.server import PostgresServer
from tests.live.analysis.n_plus_one_app import DATABASE, Application
from tests.replay_n_plus_one import Recorded, interval, save
from tests.servers import Postgres, require

SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all"}
RUNS = {"first": 1, "second": 2}
INTERVALS = 12
LEAST_REQUESTS = 35
"""Of each page with a loop, in an interval: the rule wants thirty."""


def main() -> int:
    """Records both runs."""
    for name, seed in RUNS.items():
        with require(Postgres, settings=SETTINGS) as server:
            server.execute("CREATE EXTENSION pg_stat_statements")
            with Application(server, seed) as application:
                recorded = asyncio.run(capture(server, application))
        print(f"recorded {save(recorded, name)}")
    return 0


async def capture(server: Postgres, application: Application, intervals: int = INTERVALS) -> Recorded:
    """A history of the application while it runs, from one connection of our own."""
    source = PostgresServer(PostgresOptions(dsn=server.dsn()))
    try:
        readings = [await read_statements(source, Deadline.after(20))]
        for _ in range(intervals):
            await _busy(application)
            readings.append(await read_statements(source, Deadline.after(20)))
    finally:
        await source.close()
    history = [interval(*pair, DATABASE) for pair in pairwise(readings)]
    known = {s.key: s for reading in readings for s in reading.statements if s.key.datname == DATABASE}
    return Recorded(history, known)


async def _busy(application: Application) -> None:
    """Until each page with a loop was asked for often enough, and a second has passed."""
    pages, deadline = ("orders", "products"), Deadline.after(20)
    before = {page: application.served[page] for page in pages}
    await asyncio.sleep(1.0)
    while any(application.served[page] - before[page] < LEAST_REQUESTS for page in pages):
        assert deadline.left(), "the application does not get on"
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
