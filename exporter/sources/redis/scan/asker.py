"""Asks about keys within a budget, and counts what that takes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from time import monotonic, perf_counter, thread_time
from typing import TypeAlias

from exporter.sources.redis.info import Info, number
from exporter.sources.redis.scan.connection import Asked
from exporter.sources.redis.scan.pace import Pace
from exporter.sources.redis.scan.replies import Raw, RawCommand, text, unless_refused

Inspection: TypeAlias = Generator[Sequence[RawCommand], Sequence[Raw], None]
"""Looks at one key: yields commands, is sent their replies, and keeps what it learns itself."""

COMMANDS_AT_ONCE = 60
"""The commands of a round trip, about: the server answers them in one go."""
PING_EVERY = 20
"""The round trips from one that measures the way to the next."""
TOLD_EVERY = 2.0
"""Seconds from one look at the server's own account to the next."""
OURS = frozenset({"dbsize", "memory", "pttl", "scan", "type", "xinfo"})
"""The commands that take the time, and that applications seldom send."""


class Asker:
    """Sends what is wanted when there is time for it.

    Args:
        aside: the connection.
        pace: the budget.

    Attributes:
        sent: commands sent so far, by name.
    """

    def __init__(self, aside: Asked, pace: Pace) -> None:
        self.aside = aside
        self.pace = pace
        self.sent: Counter[str] = Counter()
        self._since_ping = PING_EVERY
        self._told_at = -TOLD_EVERY
        self._told: float | None = None

    async def ask(self, commands: Sequence[RawCommand], database: int = 0) -> list[Raw]:
        """The replies, once the budget allows them to be asked for.

        Raises:
            SourceError: as the connection does.
        """
        return (await self._timed(commands, database))[0]

    async def size(self, database: int) -> int:
        """How many keys a database has.

        Raises:
            SourceError: as the connection does.
        """
        (reply,) = unless_refused(await self.ask([("DBSIZE",)], database))
        return reply if isinstance(reply, int) else 0

    async def page(self, cursor: bytes, database: int) -> tuple[bytes, list[bytes]]:
        """The next keys of a database, and the cursor behind them.

        Raises:
            SourceError: as the connection does, and where SCAN is refused.
        """
        replies, kept = await self._timed([("SCAN", cursor, "COUNT", str(self.pace.count))], database)
        match unless_refused(replies)[0]:
            case [bytes(behind), list(keys)]:
                self.pace.learn(kept)
                return behind, [key for key in keys if isinstance(key, bytes)]
        return b"0", []

    async def inspect(self, inspections: Iterable[Inspection], database: int) -> None:
        """Runs all to their end, some side by side.

        Raises:
            SourceError: as the connection does.
        """
        waiting = [(inspection, next(inspection)) for inspection in inspections]
        while waiting:
            number = max(1, COMMANDS_AT_ONCE // len(waiting[0][1]))
            batch, waiting = waiting[:number], waiting[number:]
            replies = iter(await self.ask([c for _, wanted in batch for c in wanted], database))
            for inspection, wanted in batch:
                try:
                    waiting.append((inspection, inspection.send([next(replies) for _ in wanted])))
                except StopIteration:  # it knows all it wants
                    continue

    async def _timed(self, commands: Sequence[RawCommand], database: int) -> tuple[list[Raw], float]:
        if self._since_ping >= PING_EVERY:
            self._since_ping = 0
            for _ in range(2):  # the first may open the connection
                _, seconds = await self._sent([("PING",)], database)
            self.pace.empty_round_trip(seconds)
            self.pace.spent(2, 0.0)
        self._since_ping += 1
        if monotonic() - self._told_at >= TOLD_EVERY:
            self._told_at = monotonic()
            await self._be_told(database)
        replies, seconds = await self._sent(commands, database)
        return replies, self.pace.spent(len(commands), seconds)

    async def _be_told(self, database: int) -> None:
        """Asks how long commands like ours have taken so far; who has none of that does not say."""
        (reply,), seconds = await self._sent([("INFO", "COMMANDSTATS")], database)
        self.pace.spent(1, seconds)
        stats = Info(text(reply)).pairs("commandstats", "cmdstat_")
        taken = [number(parts.get("usec")) for name, parts in stats.items() if name.partition("|")[0] in OURS]
        before, self._told = self._told, sum(t for t in taken if t is not None) / 1e6 if stats else None
        if before is not None and self._told is not None and self._told >= before:
            self.pace.told(self._told - before)

    async def _sent(self, commands: Sequence[RawCommand], database: int) -> tuple[list[Raw], float]:
        """The replies, and how long we waited for them without working ourselves."""
        if pause := self.pace.pause():
            await asyncio.sleep(pause)
        began, worked = perf_counter(), thread_time()
        replies = await self.aside.ask(commands, database)
        waited = perf_counter() - began - (thread_time() - worked)
        self.sent.update(str(command[0]) for command in commands)
        return replies, max(0.0, waited)
