"""Fills a server, lets the application work, analyses, does what is advised, and measures what came of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from exporter.analysis.advice.clients import clients
from exporter.analysis.examine import Scope, examine
from exporter.analysis.finding import Finding, Kind, ordered
from exporter.analysis.hygiene import dropped_by, index_hygiene
from exporter.analysis.overlaps import without_overlaps
from exporter.analysis.report import Report
from exporter.facts.observe import INTERVALS, SHORTEST_SECONDS, observe
from exporter.facts.read_indexes import read_definitions
from exporter.facts.read_server import read_server
from exporter.facts.server import ServerFacts
from exporter.model.deadline import Deadline
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.server import PostgresServer
from tests.collecting import source
from tests.live.analysis.defects import app, data
from tests.live.analysis.defects.app import Application, connected
from tests.live.analysis.defects.asked import Asked
from tests.live.analysis.defects.judge import MEMORY_BYTES, RIGHT_SETTINGS, WRONG_SETTINGS
from tests.live.analysis.defects.schema import DATABASE, WATCHER
from tests.live.analysis.defects.statements import every
from tests.live.analysis.reading import aged
from tests.servers import Postgres

SETTINGS = {
    **WRONG_SETTINGS,
    **RIGHT_SETTINGS,
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "all",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
SAMPLES = 2
BETTER = 0.7
"""Share of the blocks that a statement reads at most with an index that is right."""
WORSE, WAVERS = 1.1, 10
"""Times, and blocks: writes find other pages each time."""
LEAST_PAGES = 35
"""Of each page with a loop, in an interval: the rule wants thirty."""
IDLE_SECONDS = 600.0
AGED = (Kind.UNUSED_INDEX, Kind.DUPLICATE_INDEX, Kind.INVALID_INDEX, Kind.UNINDEXED_FOREIGN_KEY, Kind.CLIENT)
DROPS = (Kind.UNUSED_INDEX, Kind.DUPLICATE_INDEX, Kind.INVALID_INDEX)
CREATES = (
    *(Kind.MISSING_INDEX, Kind.COVERING_INDEX, Kind.TRIGRAM_INDEX, Kind.GIN_INDEX),
    Kind.UNINDEXED_FOREIGN_KEY,
)
RULES = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'carrier'::regnamespace
UNION ALL SELECT indrelid::regclass::text, indexrelid::regclass::text, concat(indisreplident, indisclustered)
    FROM pg_index WHERE indisvalid AND (indisunique OR indisreplident OR indisclustered)
    AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'carrier'::regnamespace)
ORDER BY 1, 2, 3
"""
TWICE = """
SELECT array_agg(indexrelid::regclass::text ORDER BY 1) FROM pg_index
WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'carrier'::regnamespace)
GROUP BY indrelid, indkey::text, indclass::text, indcollation::text, indoption::text, indpred::text,
    indexprs::text, indisunique, (SELECT relam FROM pg_class WHERE oid = indexrelid)
HAVING count(*) > 1
"""

Blocks = Mapping[str, int]


PAGES = (
    *(app.CREW, app.VEHICLE, app.TOURS, app.STOPS, app.TOURS_OF_DAY, app.STOPS_OF_TOURS),
    *(app.LOGIN, app.PARCEL, app.COURIER, app.SEEN),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one trial.

    Attributes:
        report: of the analysis, after a hundred days for indexes, and ten minutes for sessions.
        asked: the statements.
        before: blocks that each read.
        labelled: the same with the indexes that are known to be right.
        dropped: the same after all suggested DROPs, which stand in `drops`.
        created: the same after all suggested CREATEs as well.
        rules: constraints and what else must stay, before the DROPs and after them.
        twice: pairs of indexes that the CREATEs made twice.
    """

    report: Report
    asked: Sequence[Asked]
    before: Blocks
    labelled: Blocks
    dropped: Blocks
    created: Blocks
    drops: Sequence[str]
    rules: tuple[object, object]
    twice: Sequence[Sequence[str]]

    @property
    def worse(self) -> dict[str, tuple[int, int]]:
        """The statements that read more since the DROPs: blocks before and after."""
        pairs = {name: (self.before[name], blocks) for name, blocks in self.dropped.items()}
        return {name: pair for name, pair in pairs.items() if pair[1] > WORSE * pair[0] + WAVERS}

    @property
    def better(self) -> set[str]:
        """The statements that read less with what was suggested."""
        return {name for name, blocks in self.created.items() if blocks <= BETTER * self.before[name]}


async def trial(server: Postgres) -> Outcome:
    """A trial on a server that was made with `SETTINGS`."""
    data.fill(server)
    asked = every(server.major)
    report = await analysed(server, asked)
    before, labelled = blocks(server, asked), with_labels(server, asked)
    rules = server.execute(RULES, dbname=DATABASE)
    drops = [sql for f in report.findings if f.kind in DROPS for sql in drops_of(f)]
    run(server, drops)
    dropped, kept = blocks(server, asked), server.execute(RULES, dbname=DATABASE)
    run(server, [sql for f in report.findings if f.kind in CREATES for sql in f.sql])
    server.execute("ANALYZE", dbname=DATABASE)
    return Outcome(
        report=report,
        asked=asked,
        before=before,
        labelled=labelled,
        dropped=dropped,
        created=blocks(server, asked),
        drops=drops,
        rules=(rules, kept),
        twice=[pair for (pair,) in server.execute(TWICE, dbname=DATABASE)],
    )


def watcher(server: Postgres) -> PostgresOptions:
    """How the exporter reaches it: pg_monitor, pg_read_all_data, and the function that plans."""
    return PostgresOptions(dsn=server.dsn(user=WATCHER, password="secret"))


async def analysed(server: Postgres, asked: Sequence[Asked]) -> Report:
    """What is found while the application works."""
    async with source(watcher(server)) as target:
        with Application(server, asked) as application, idle(server):
            seen = await observe(target, INTERVALS * SHORTEST_SECONDS, busy(application))
            await asyncio.to_thread(application.toured.wait, 60)
            scope = Scope(
                databases=[DATABASE],
                memory_bytes=MEMORY_BYTES,
                history=seen.history,
                described=seen.statements,
            )
            report = await examine(target, Deadline.after(60), scope)
            facts = await read_server(target, Deadline.after(10), memory_bytes=MEMORY_BYTES)
        return await later(target, report, facts)


def busy(application: Application) -> Any:
    """Waits until each page with a loop was asked for often enough, whatever the time that takes."""

    async def pause(_: float) -> None:
        before, deadline = application.served.copy(), Deadline.after(20)
        await asyncio.sleep(0.8)
        while min(application.served[page] - before[page] for page in ("crew", "tours")) < LEAST_PAGES:
            assert deadline.left(), "the application does not get on"
            await asyncio.sleep(0.05)

    return pause


@contextmanager
def idle(server: Postgres) -> Iterator[None]:
    """A session that has begun a transaction, and does something else."""
    with connected(server) as session:
        session.execute("BEGIN; UPDATE depots SET name = name WHERE id = 300")
        yield
        session.execute("ROLLBACK")


async def later(target: PostgresServer, report: Report, facts: ServerFacts) -> Report:
    """The report as it would be after a hundred days for indexes, and after ten minutes for sessions."""
    relations = aged(report.relations[DATABASE])
    going = await read_definitions(target, Deadline.after(10), dropped_by(relations), DATABASE)
    sessions = [replace(s, state_seconds=(s.state_seconds or 0) + IDLE_SECONDS) for s in facts.sessions]
    found = [*index_hygiene(relations, going), *clients(replace(facts, sessions=sessions))]
    kept = [finding for finding in report.findings if finding.kind not in AGED]
    return replace(report, findings=ordered(without_overlaps([*kept, *found], report.relations)))


def drops_of(finding: Finding) -> Iterator[str]:
    """The DROP of a finding, also where it is one of two ways."""
    for sql in finding.sql:
        place = sql.find("DROP INDEX")
        if place >= 0 and "to undo" not in sql:
            yield sql[place:]


def run(server: Postgres, statements: Sequence[str]) -> None:
    """Runs them as they stand there."""
    with server.connect(dbname=DATABASE) as owner:
        for statement in statements:
            if not statement.startswith("-- "):
                owner.execute(statement.encode())


def blocks(server: Postgres, asked: Sequence[Asked]) -> dict[str, int]:
    """How many blocks each statement reads, with some values of the application; all is undone."""
    with connected(server) as session:
        return {statement.name: _blocks(session, statement) for statement in asked}


def _blocks(session: psycopg.Connection[tuple[Any, ...]], statement: Asked) -> int:
    chance, read = random.Random(statement.name), 0
    text = (statement.server or statement.sql).replace("= who", "= %s")
    with psycopg.ClientCursor(session) as cursor:
        for _ in range(SAMPLES):
            with session.transaction(force_rollback=True):
                values = statement.values(chance)
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {text}".encode(), values)
                ((answer,),) = cursor.fetchall()
                plan = answer[0]["Plan"]
                read += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return read


def with_labels(server: Postgres, asked: Sequence[Asked]) -> dict[str, int]:
    """The same with the indexes that are called right; they are gone afterwards."""
    wanted = {w for s in asked for w in (s.wanted if s.together else s.wanted[:1])}
    made = [f"labelled_{number}" for number, _ in enumerate(wanted)]
    with server.connect(dbname=DATABASE) as owner:
        owner.execute("SET search_path = carrier, public")
        for name, (table, keys) in zip(made, sorted(wanted), strict=True):
            owner.execute(f"CREATE INDEX {name} ON {table} {keys}".encode())
        found = blocks(server, [statement for statement in asked if statement.wanted])
        owner.execute(f"DROP INDEX {', '.join(made)}".encode())
    return found
