"""What the statements of pg_stat_statements say: operation, tables, a fingerprint and a redacted text.

The server reads the file with all texts for a single one of them, so it is asked rarely: for statements that
have counted something and are not known yet, ten minutes after the last time at the earliest, and later
where it took long or the file is large. No text is kept as it came.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import nlargest
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from exporter.collectors.postgres._statements import Growth, Owner, Reading, Statement, numbers
from exporter.facts.pg_stat_statements import UNKNOWN, StatementText, asked, texts_of, texts_query
from exporter.log import get_logger
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, ExporterError
from exporter.sql.normal import fingerprint
from exporter.sql.redaction import redacted
from exporter.sql.shape import shape_of

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

log = get_logger("exporter.collectors.postgres")

PAUSE_SECONDS = 600.0
"""From one time that texts are asked for to the next."""
MORE_SECONDS = 60.0
"""The same where more were wanted than one time is good for: after the start."""
SHARE = 0.001
"""How much of the time the server may spend on it: what took 5 s is not asked for again before 5,000 s."""
LARGE_BYTES = 50_000_000
"""Of all texts; beyond that they are asked for a few times a day only."""
LARGE_PAUSE_SECONDS = 6 * 3600.0
FAILED_PAUSE_SECONDS = 3600.0
ANSWER_SECONDS = 10.0
"""How long the server may take."""
CHARACTERS = 4_000_000
"""That are taken over at a time."""
BATCH = 1_000
"""Statements whose texts are asked for at a time: a second of work, in small pieces."""
MOST = 10_000
"""Statements that are known at a time."""
TEXT_CHARACTERS = 1_000
"""Of a redacted text that are kept."""
AT_ONCE = 1_500
"""Characters that are worked on before others of this process get their turn."""


class Learned(StrEnum):
    """What became of asking for texts: the bounded values of the label `result`."""

    OK = "ok"
    TOO_LARGE = "too_large"
    """There are so many that they are asked for a few times a day only."""
    DEADLINE = "deadline"
    """The server took too long."""
    FAILED = "failed"
    """It said no: texts in several encodings, as a rule."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Known:
    """What a text says.

    Attributes:
        id: its fingerprint, as in `exporter.facts.statement.StatementKey`.
        operation: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `MERGE` or `UTILITY`.
        tables: the names that stand in it, in their order.
        text: its beginning, redacted.
    """

    id: str
    operation: str
    tables: tuple[str, ...]
    text: str


class Texts:
    """What is known of each statement.

    Attributes:
        known: by statement; replaced in place, so it can be held.
        results: how often texts were asked for, by what became of it.
        bytes: of all texts in the extension, when they were last read; None if they never were.
    """

    def __init__(self) -> None:
        self.known: dict[Statement, Known] = {}
        self.results: Counter[Learned] = Counter()
        self.bytes: int | None = None
        self._wanted: dict[Statement, None] = {}
        self._active: set[Statement] = set()
        self._by_id: WeakValueDictionary[str, Known] = WeakValueDictionary()
        self._not_before = float("-inf")
        self._begun = False
        self._learning = False

    @property
    def missing(self) -> int:
        """Statements whose text is wanted: all at the start, later those that have counted something."""
        return len(self._wanted)

    def add(self, reading: Reading, grown: Iterable[Growth]) -> None:
        """Notes whose text is wanted."""
        if not self._begun:
            self._begun = True
            self._wanted = dict.fromkeys(_busiest(reading))
        for growth in grown:
            statement = growth.statement
            if statement in self.known:
                self._active.add(statement)
            elif len(self._wanted) < MOST:
                self._wanted[statement] = None

    async def learn(self, server: PostgresServer, schema: str, reading: Reading, deadline: Deadline) -> bool:
        """Asks for the texts that are wanted, if there are any and it is time to. True if some came.

        Args:
            server: whose extension it is.
            schema: of the extension, quoted.
            reading: the newest one.
            deadline: for the answer; whatever goes wrong is counted, and raised to nobody.
        """
        if self._learning or monotonic() < self._not_before or not self._wanted:
            return False
        self._forget(reading)
        batch = list(self._wanted)[:BATCH]
        if not batch:
            return False
        self._learning = True
        try:
            query = texts_query(schema, sorted({one.queryid for one in batch}, key=int), CHARACTERS)
            texts = await self._ask(server, query, deadline)
            await self._know(texts, reading)
        finally:
            self._learning = False
        for statement in batch:
            if statement in self._wanted:  # the others first, the next time
                self._wanted[statement] = self._wanted.pop(statement)
        return bool(texts)

    async def _ask(self, server: PostgresServer, query: str, deadline: Deadline) -> Sequence[StatementText]:
        """Asks, and decides when to ask again."""
        started = monotonic()
        texts: Sequence[StatementText] = ()
        try:
            texts, size = texts_of(await asked(server, query, deadline.at_most(ANSWER_SECONDS)))
        except ExporterError as error:
            slow = isinstance(error, DeadlineExceeded)
            result, pause = Learned.DEADLINE if slow else Learned.FAILED, FAILED_PAUSE_SECONDS
            log.warning("texts of statements not read", target=server.describe(), error=str(error))
        else:
            self.bytes = self.bytes if size is None else size
            result, pause = Learned.OK, MORE_SECONDS if len(self._wanted) > BATCH else PAUSE_SECONDS
            if (self.bytes or 0) > LARGE_BYTES:
                result, pause = Learned.TOO_LARGE, LARGE_PAUSE_SECONDS
        self.results[result] += 1
        self._not_before = monotonic() + max(pause, (monotonic() - started) / SHARE)
        return texts

    async def _know(self, texts: Iterable[StatementText], reading: Reading) -> None:
        characters = 0
        for statement, text in _owned(texts, reading).items():
            if statement not in self.known:
                self.known[statement] = self._of(text)
                characters += len(text)
            self._wanted.pop(statement, None)
            if characters > AT_ONCE:
                characters = 0
                await asyncio.sleep(0)

    def _of(self, text: str) -> Known:
        """What a text says; one value for all statements with that text."""
        digits = fingerprint(text)
        if (known := self._by_id.get(digits)) is None:
            shape = shape_of(text)
            beginning = redacted(text[: 2 * TEXT_CHARACTERS])[:TEXT_CHARACTERS]
            known = Known(digits, shape.operation, tuple(shape.tables), beginning)
            self._by_id[digits] = known
        return known

    def _forget(self, reading: Reading) -> None:
        """Drops what the extension no longer has, and what has been idle where that is too much."""
        there = {reading.statement(key) for key in reading.entries}
        keep = there if len(self.known) <= MOST else there & self._active
        for statement in self.known.keys() - keep:
            del self.known[statement]
        for statement in list(self.known)[:-MOST]:
            del self.known[statement]
        for statement in self._wanted.keys() - there:
            del self._wanted[statement]
        self._active.clear()


def _busiest(reading: Reading) -> list[Statement]:
    """The statements with most calls."""
    keys = nlargest(MOST, reading.entries, key=lambda key: numbers(reading.entries[key])[0])
    return [reading.statement(key) for key in keys]


def _owned(texts: Iterable[StatementText], reading: Reading) -> dict[Statement, str]:
    """The texts by statement."""
    found = {}
    for text in texts:
        datname = reading.databases.get(text.dbid, UNKNOWN)
        user = reading.users.get(text.userid, UNKNOWN)
        found[Statement(Owner(datname, user), text.queryid)] = text.text
    return found
