"""One walk over all keys of some databases, page by page; it can be left and gone on with after each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import sample
from time import monotonic

from exporter.sources.redis.scan.asker import Asker, Inspection
from exporter.sources.redis.scan.inspect import memory_of
from exporter.sources.redis.scan.plan import Plan
from exporter.sources.redis.scan.watch import LargestWatch, Weighing

START = b"0"
SIZE_EVERY = 1.0
"""Seconds from one look at the number of keys to the next."""
EMPTIED = 1000
"""A database with so many keys fewer than half of those that were met in it was emptied meanwhile."""


class Emptied(Exception):
    """Most of what was counted is gone: FLUSHALL, or a replica that got its data anew."""


class Pass:
    """A walk that has been begun.

    Args:
        plan: who looks at the keys of which database.
        sizes: database -> keys in it.

    Attributes:
        plan: as given.
        began: when, on the monotonic clock.
        seen: keys that went by.
        done: whether all have.
    """

    def __init__(self, plan: Plan, sizes: Mapping[int, int]) -> None:
        self.plan = plan
        self._sizes = {database: sizes.get(database, 0) for database in plan.watches}
        self._left = sorted(plan.watches)
        self._cursor = START
        self._of_database = 0
        self._sized_at = -SIZE_EVERY
        self.began = monotonic()
        self.seen = 0
        self.done = not self._left

    @property
    def progress(self) -> float:
        """The share of the keys that went by, from 0 to 1; 1 only at the end."""
        if self.done:
            return 1.0
        return min(0.999, self.seen / max(1, sum(self._sizes.values())))

    async def step(self, asker: Asker, known: Mapping[int, Sequence[bytes]]) -> None:
        """Goes on by one page.

        A step that fails has counted a page or has not, so that the next one counts none twice.

        Args:
            asker: asks the server.
            known: database -> large keys of an earlier pass, to be looked at again.

        Raises:
            SourceError: as the connection does.
            Emptied: go back to the start.
        """
        database = self._left[0]
        if monotonic() - self._sized_at >= SIZE_EVERY:
            size = self._sizes[database] = await asker.size(database)
            self._sized_at = monotonic()
            if self._of_database > 2 * size + EMPTIED:
                raise Emptied
        begins = self._cursor == START
        behind, keys = await asker.page(self._cursor, database)
        self._advance(behind, len(keys))
        await asker.inspect([i for w in self.plan.watches[database] for i in w.take(keys)], database)
        weighing = self.plan.weighing.get(database, ())
        if weighing and begins:
            await _weigh(asker, database, weighing, known.get(database, ()))
        spare = asker.pace.spare()
        if weighing and spare:
            await _weigh(asker, database, weighing, _some(keys, weighing, spare))

    def give_up_database(self) -> int:
        """Leaves out the database that is walked just now, and says which that is."""
        database = self._left[0]
        self.plan.leave_out(database)
        self._sizes[database] = 0
        self._next_database()
        return database

    def _advance(self, behind: bytes, keys: int) -> None:
        self._cursor = behind
        self.seen += keys
        self._of_database += keys
        if behind == START:
            self._next_database()

    def _next_database(self) -> None:
        self._left = self._left[1:]
        self._cursor = START
        self._of_database, self._sized_at = 0, -SIZE_EVERY
        self.done = not self._left


def _some(keys: Sequence[bytes], weighing: Sequence[Weighing], most: int) -> Sequence[bytes]:
    """Keys at random, of those that somebody wants."""
    everything = any(isinstance(watch, LargestWatch) for watch in weighing)
    wanted = keys if everything else [key for key in keys if any(watch.wants(key) for watch in weighing)]
    return sample(wanted, min(most, len(wanted)))


async def _weigh(asker: Asker, database: int, weighing: Sequence[Weighing], keys: Sequence[bytes]) -> None:
    await asker.inspect([_weighed(key, weighing) for key in keys], database)


def _weighed(key: bytes, weighing: Sequence[Weighing]) -> Inspection:
    (size,) = yield [memory_of(key)]
    if isinstance(size, int):
        for watch in weighing:
            if watch.wants(key):
                for inspection in watch.weighed(key, size):
                    yield from inspection
