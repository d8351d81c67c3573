"""The plans of all statements on a quiet server, where nothing may happen for it: on every version."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exporter.analysis.examine import Scope, examine
from exporter.analysis.report import Report
from exporter.model.deadline import Deadline
from exporter.sources.postgres.plans import PlanOutcome
from tests.collecting import source
from tests.live.analysis.defects import data
from tests.live.analysis.defects.app import connected, send
from tests.live.analysis.defects.asked import CALLS, Asked
from tests.live.analysis.defects.judge import MEMORY_BYTES
from tests.live.analysis.defects.schema import APPLICATION, DATABASE
from tests.live.analysis.defects.statements import LACKING, every
from tests.live.analysis.defects.trial import BETTER, CREATES, blocks, run, watcher
from tests.servers import Postgres
from tests.workload import wait_until

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "all",
    "autovacuum": "off",
    "wal_level": "minimal",  # else the server notes its running transactions from time to time
    "max_wal_senders": "0",
    "checkpoint_timeout": "1h",
    "shared_buffers": "64MB",
    "random_page_cost": "1.5",
}
MOST_PLANS = 300

# Calls of the trigger and the volatile function; transactions with a number; WAL; rows and scans of tables.
TRACES = """
SELECT (SELECT count(*) FROM carrier.called), pg_snapshot_xmax(pg_current_snapshot())::text,
       pg_current_wal_insert_lsn()::text,
       (SELECT string_agg(concat_ws('.', relname, seq_scan, n_tup_ins, n_tup_upd, n_tup_del), ' '
                          ORDER BY relid)
        FROM pg_stat_user_tables WHERE relname NOT IN ('sentinel', 'called'))
"""


Traces = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What came of it.

    Attributes:
        report: of the analysis.
        asked: the statements.
        traces: of anything that was executed or written: before the analysis, and after it.
        better: the statements that read less with the indexes that were suggested; empty without rows.
    """

    report: Report
    asked: Sequence[Asked]
    traces: tuple[Traces, Traces]
    better: set[str]

    @property
    def outcomes(self) -> Counter[PlanOutcome]:
        """What became of the plans of the application's statements that can have one."""
        return Counter(e.outcome for key, e in self.report.plans.items() if key.user == APPLICATION)


async def survey(server: Postgres, *, rows: bool) -> Survey:
    """Sends each statement, and analyses.

    Args:
        server: made with `SETTINGS`.
        rows: whether there shall be any, so that suggestions can be judged.
    """
    data.fill(server, rows=rows, bloated=False)
    server.execute("CREATE TABLE carrier.sentinel ()", dbname=DATABASE)
    asked = every(server.major)
    tour(server, asked)
    for database in (DATABASE, "postgres"):  # else who reads a page next tidies it up, and writes that
        server.execute("VACUUM", dbname=database)
    before = traces(server)
    async with source(watcher(server)) as target:
        scope = Scope(databases=[DATABASE], memory_bytes=MEMORY_BYTES, most_plans=MOST_PLANS)
        report = await examine(target, Deadline.after(60), scope)
    after = traces(server)
    better = improved(server, asked, report) if rows else set[str]()
    return Survey(report=report, asked=asked, traces=(before, after), better=better)


def tour(server: Postgres, asked: Sequence[Asked]) -> None:
    """Sends each statement once, and some more times those that lack an index."""
    with connected(server) as session:
        chance = random.Random(1)
        for statement in (*asked, *LACKING * CALLS):
            send(session, statement, chance)


def traces(server: Postgres) -> Traces:
    """What has happened so far, once the statistics of all that ended before have come in."""
    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'sentinel'"
    ((before,),) = server.execute(scans, dbname=DATABASE)
    server.execute("SELECT FROM carrier.sentinel", dbname=DATABASE)
    wait_until(lambda: server.execute(scans, dbname=DATABASE) != [(before,)])
    return server.execute(TRACES, dbname=DATABASE)


def improved(server: Postgres, asked: Sequence[Asked], report: Report) -> set[str]:
    """The statements that read less with all that was suggested."""
    lacking = [statement for statement in asked if statement.wanted]
    before = blocks(server, lacking)
    run(server, [sql for f in report.findings if f.kind in CREATES for sql in f.sql])
    server.execute("ANALYZE", dbname=DATABASE)
    return {name for name, read in blocks(server, lacking).items() if read <= BETTER * before[name]}
