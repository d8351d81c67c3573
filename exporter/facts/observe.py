"""Watches what statements count for a while: intervals, for whoever has no history of a daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from exporter.facts.read_statements import LIMIT, StatementReading, read_statements
from exporter.facts.statement import Counters, Interval, Statement, StatementKey
from exporter.model.deadline import Deadline

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

INTERVALS = 12
SHORTEST_SECONDS = 2.0
READ_SECONDS = 30.0
Pause = Callable[[float], Awaitable[None]]


class Observed(NamedTuple):
    """What was seen.

    Attributes:
        history: what was counted between each reading and the next.
        statements: all that were seen.
    """

    history: Sequence[Interval]
    statements: Mapping[StatementKey, Statement]


async def observe(server: PostgresServer, seconds: float, pause: Pause = asyncio.sleep) -> Observed:
    """Reads all statements thirteen times, or less often where that would be more than each two seconds.

    Args:
        server: whose main database has the extension.
        seconds: how long.
        pause: waits between two readings; tells people meanwhile.

    Raises:
        Skip: the extension is not there or not loaded, or shows the role nothing.
        SourceError: the server did not answer.
    """
    count = max(1, min(INTERVALS, int(seconds / SHORTEST_SECONDS)))
    before = await read_statements(server, Deadline.after(READ_SECONDS))
    statements = {statement.key: statement for statement in before.statements}
    history = []
    for _ in range(count):
        await pause(seconds / count)
        now = await read_statements(server, Deadline.after(READ_SECONDS))
        history.append(_interval(before, now))
        statements |= {statement.key: statement for statement in now.statements}
        before = now
    return Observed(history, statements)


def _interval(before: StatementReading, now: StatementReading) -> Interval:
    known = {statement.key: statement.counters for statement in before.statements}
    # Where not all were read, one that was not there before may just have become heavy enough.
    whole = len(known) < LIMIT
    counted: dict[StatementKey, Counters] = {}
    nested: dict[StatementKey, Counters] = {}
    for statement in now.statements:
        if statement.key not in known and not whole:
            continue
        growth = statement.counters.minus(known.get(statement.key, Counters()))
        if growth.calls > 0 and min(growth) >= 0:
            (counted if statement.toplevel else nested)[statement.key] = growth
    return Interval(now.taken_at - before.taken_at, now.taken_at, counted, nested)
