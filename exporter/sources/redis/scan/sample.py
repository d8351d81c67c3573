"""A few keys for many: a random sample of a stream of keys, what was learnt about them, and the largest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappush, heapreplace
from math import exp, floor, log
from random import Random
from typing import NamedTuple


class Look(NamedTuple):
    """What was learnt about one key.

    Attributes:
        size: memory in bytes; None where the server does not say.
        ttl: seconds to live; None for a key that does not expire, and where the server does not say.
        expires: whether it has a time to live; None where the server does not say.
        kind: its type: "string", "hash" ...; empty where that was not asked.
    """

    size: int | None
    ttl: float | None
    expires: bool | None
    kind: str = ""


class Reservoir:
    """A random sample of keys that come one after the other, each as likely as any other.

    Args:
        size: keys in the sample at most.
        random: where the choice comes from.

    Attributes:
        seen: keys that were offered.
    """

    def __init__(self, size: int, random: Random) -> None:
        self._size = size
        self._random = random
        self._looks: dict[int, Look | None] = {}
        self._weight = 1.0
        self._next = 0
        self.seen = 0

    @property
    def looks(self) -> Sequence[Look]:
        """What was learnt about those of the sample that were still there when they were looked at."""
        return [look for look in self._looks.values() if look is not None]

    def choose(self, keys: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        """Those of the keys that join the sample, each with its place; they may drive others out.

        Costs nothing for keys that are not chosen (algorithm L).
        """
        end = self.seen + len(keys)
        while self._next < end:
            at, key = self._next, keys[self._next - self.seen]
            place = at if at < self._size else self._random.randrange(self._size)
            self._looks[place] = None
            yield place, key
            self._next = at + 1 if at + 1 < self._size else self._leap(at)
        self.seen = end

    def keep(self, place: int, look: Look) -> None:
        """What was learnt about the key of a place."""
        self._looks[place] = look

    def _leap(self, at: int) -> int:
        self._weight *= exp(log(self._chance()) / self._size)
        return at + 1 + floor(log(self._chance()) / log(1.0 - self._weight))

    def _chance(self) -> float:
        return max(self._random.random(), 1e-300)


class Top:
    """The largest of the keys that were offered.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, bytes]] = []
        self._keys: set[bytes] = set()

    def offer(self, key: bytes, size: int) -> bool:
        """Keeps the key if it is among the largest; says whether."""
        if not self._most or key in self._keys:
            return False
        if len(self._heap) < self._most:
            heappush(self._heap, (size, key))
        elif size > self._heap[0][0]:
            self._keys.discard(heapreplace(self._heap, (size, key))[1])
        else:
            return False
        self._keys.add(key)
        return True

    def largest_first(self) -> Sequence[tuple[bytes, int]]:
        """Keys and their bytes."""
        return [(key, size) for size, key in sorted(self._heap, reverse=True)]
