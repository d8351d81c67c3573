"""One reading of pg_stat_statements for an analysis: counters of all entries, and the texts that matter.

Costs the server one pass over the counters (10 ms for 5,000 entries) and one over the file with all texts
(90 ms for 26 MB, and as much in a temporary file): for somebody who asks, not for each scrape.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from time import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from exporter.facts.pg_stat_statements import (
    StatementText,
    asked,
    check_visible,
    columns_of,
    installed,
    texts_of,
    texts_query,
)
from exporter.facts.statement import Counters, Statement, StatementKey
from exporter.facts.statement_entries import (
    About,
    Entry,
    about_of,
    about_query,
    entries_of,
    entries_query,
)
from exporter.model.deadline import Deadline
from exporter.sql.normal import fingerprint
from exporter.sql.redaction import redacted
from exporter.sql.shape import shape_of

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

T = TypeVar("T")

LIMIT = 500
"""Statements by time, and as many by calls."""
CANDIDATES = 2_000
"""Entries by time, and as many by calls, whose texts are read: those of one text may be many and small."""
CHARACTERS = 8_000_000
"""Of all texts that are taken over."""
PREPARE = "PREPARE"
AT_ONCE = 5
"""Texts that are worked on before others of this process get their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementReading:
    """What pg_stat_statements held at one time.

    Attributes:
        taken_at: Unix time.
        statements: the heaviest by time and by calls, the one with most time first. Without the exporter's
            own, and without those whose text could not be had.
        totals: of all entries, ours and those without text included.
        own: of our own statements, which are left out above.
        entries: that the extension holds, those included that the role may not see.
        hidden: that the role may not see: GRANT pg_read_all_stats shows them.
        text_bytes: of all texts; None if none was read.
        version: of the extension.
        about: since when it counts, and what.
    """

    taken_at: float
    statements: Sequence[Statement]
    totals: Counters
    own: Counters
    entries: int
    hidden: int
    text_bytes: int | None
    version: str
    about: About


class Merged(NamedTuple):
    """The entries of one text, of one role in one database.

    Attributes:
        text: as the server has it.
    """

    key: StatementKey
    text: str
    entries: list[Entry]


async def read_statements(
    server: PostgresServer, deadline: Deadline, *, limit: int = LIMIT
) -> StatementReading:
    """Reads all counters, and the texts of the statements that matter, in three queries.

    Entries with the same text (`exporter.sql.normal`) of one role in one database are one statement. Of the
    role that asks, statements that read nothing but catalogs are taken for ours.

    Args:
        server: whose main database has the extension.
        deadline: for all of it.
        limit: statements by time, and as many by calls.

    Raises:
        Skip: the extension is not there or not loaded, or shows the role nothing.
        SourceError: the server did not answer, or not with rows.
    """
    extension = await installed(server, deadline)
    columns = await columns_of(server, extension, deadline)
    about = about_of(await asked(server, about_query(extension.schema, columns), deadline))
    rows = await asked(server, entries_query(extension.schema, columns), deadline)
    taken_at = time()
    entries = entries_of(rows)
    check_visible(visible=len(entries), hidden=rows.count - len(entries))
    wanted = {entry.queryid for entry in _candidates(entries)}
    query = texts_query(extension.schema, sorted(wanted, key=int), CHARACTERS)
    texts, text_bytes = texts_of(await asked(server, query, deadline))
    found, own = await merged(entries, texts)
    return StatementReading(
        taken_at=taken_at,
        statements=await statements_of(heaviest(found, limit)),
        totals=_sum(entries),
        own=own,
        entries=rows.count,
        hidden=rows.count - len(entries),
        text_bytes=text_bytes,
        version=extension.version,
        about=about,
    )


def _candidates(entries: Collection[Entry]) -> list[Entry]:
    """Those whose texts are asked for; what was only planned has no calls."""
    called = [entry for entry in entries if entry.counters.calls]
    if len(called) <= CANDIDATES:
        return called
    by_time = nlargest(CANDIDATES, called, key=lambda entry: entry.counters.exec_ms)
    by_calls = nlargest(CANDIDATES, called, key=lambda entry: entry.counters.calls)
    return [*by_time, *by_calls]


async def merged(entries: Iterable[Entry], texts: Iterable[StatementText]) -> tuple[list[Merged], Counters]:
    """The entries of each text, role and database, and what our own statements counted."""
    of_entry = defaultdict(list)
    for entry in entries:
        if entry.counters.calls:
            of_entry[entry.queryid, entry.userid, entry.dbid].append(entry)
    groups: dict[StatementKey, Merged] = {}
    own = Counters()
    async for text in _in_turn(texts):
        found = of_entry.pop(text[:3], [])  # an entry of each level has the text
        if found and found[0].own and is_ours(text.text):
            own = own.plus(_sum(found))
        elif found:
            key = StatementKey(found[0].datname, found[0].user, fingerprint(text.text))
            groups.setdefault(key, Merged(key, text.text, [])).entries.extend(found)
    return list(groups.values()), own


def heaviest(merged: Sequence[Merged], limit: int) -> list[Merged]:
    """The first by time and by calls, the one with most time first."""
    counted = {one.key: _sum(one.entries) for one in merged}
    by_time = nlargest(limit, merged, key=lambda one: counted[one.key].exec_ms)
    by_calls = nlargest(limit, merged, key=lambda one: counted[one.key].calls)
    chosen = {one.key: one for one in (*by_time, *by_calls)}
    return sorted(chosen.values(), key=lambda one: -counted[one.key].exec_ms)


async def statements_of(merged: Sequence[Merged]) -> list[Statement]:
    """What an analysis sees of them."""
    return [_statement(one) async for one in _in_turn(merged)]


def _statement(merged: Merged) -> Statement:
    shape = shape_of(merged.text)
    entries = sorted(merged.entries, key=lambda entry: -entry.counters.calls)
    # The extremes can be reset by themselves; then they are 0 until the next call.
    timed = [entry for entry in entries if entry.max_ms]
    since = [entry.since for entry in entries if entry.since is not None]
    return Statement(
        key=merged.key,
        queryids=tuple(dict.fromkeys(entry.queryid for entry in entries)),
        text=redacted(merged.text),
        raw=merged.text,
        operation=shape.operation,
        tables=tuple(shape.tables),
        toplevel=any(entry.toplevel for entry in entries),
        counters=_sum(entries),
        min_ms=min((entry.min_ms for entry in timed), default=None),
        max_ms=max((entry.max_ms for entry in timed), default=None),
        since=min(since, default=None),
    )


def is_ours(text: str) -> bool:
    """Whether a statement of our role is taken for one of ours: it names catalogs only, or no table at all.

    A role that an application shares with us keeps its statements that way. What we PREPARE is to be planned.
    """
    shape = shape_of(text)
    return (
        shape.operation == "UTILITY"
        or text.lstrip()[: len(PREPARE)].upper() == PREPARE
        or all(
            table.startswith("information_schema.") or table.rpartition(".")[2].startswith("pg_")
            for table in shape.tables
        )
    )


def _sum(entries: Iterable[Entry]) -> Counters:
    return Counters(*map(sum, zip(*(entry.counters for entry in entries), strict=True)))


async def _in_turn(values: Iterable[T]) -> AsyncIterator[T]:
    """The same, with pauses in which others of this process get their turn."""
    for count, value in enumerate(values):
        if count % AT_ONCE == 0:
            await asyncio.sleep(0)
        yield value
