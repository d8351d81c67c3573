"""What is made of the keys of a database while they go by: kinds, groups, the largest, single ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Protocol

from exporter.sources.redis.scan.asker import Inspection
from exporter.sources.redis.scan.glob import Matches, compiled
from exporter.sources.redis.scan.inspect import kind_of, look_at, memory_of
from exporter.sources.redis.scan.sample import Look, Reservoir, Top

GROUP_SAMPLES = 50
"""Keys of a group whose memory is asked for."""
MOST_GROUPS = 10_000
"""Groups of a database that are told apart while it is walked."""
UNCLASSIFIED, OVERFLOW = "unclassified", "overflow"
"""redis_exporter's names for keys that no expression matches, and for the groups beyond the limit."""


class Watch(Protocol):
    """Somebody who looks at all keys of one database."""

    def take(self, keys: list[bytes]) -> Iterable[Inspection]:
        """Sees the next keys; what it wants to know about some of them."""


class Weighing(Watch, Protocol):
    """Somebody who looks for large keys."""

    def wants(self, key: bytes) -> object:
        """Whether the key's memory is of interest."""

    def weighed(self, key: bytes, size: int) -> Iterable[Inspection]:
        """Learns the memory of a key; what it wants to know beside that."""


@dataclass(frozen=True, slots=True)
class Largest:
    """A key that is named for its size.

    Attributes:
        kind: its type; empty where that was not asked.
    """

    key: bytes
    size: int
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A number of keys, and a random sample of them.

    Attributes:
        name: of the pattern.
        keys: how many were met.
        looks: what was learnt about those of the sample.
        top: the largest that were met.
    """

    name: str
    database: int
    keys: int
    looks: Sequence[Look] = ()
    top: Sequence[Largest] = ()


class KindWatch:
    """The keys of one pattern.

    Args:
        name: of the pattern.
        database: where it applies.
        pattern: a glob.
        samples: keys to look at closely.
        top: how many of the largest are named.
    """

    def __init__(self, name: str, database: int, pattern: str, samples: int, top: int) -> None:
        self._name, self._database = name, database
        self.wants: Matches = compiled(pattern)
        self._sample = Reservoir(samples, Random())  # noqa: S311  # a sample is no secret
        self._top = Top(top)

    def take(self, keys: list[bytes]) -> Iterator[Inspection]:
        """Counts those that match, and looks at a few."""
        for place, key in self._sample.choose(list(filter(self.wants, keys))):
            yield look_at(key, partial(self._keep, place, key))

    def _keep(self, place: int, key: bytes, look: Look) -> None:
        self._sample.keep(place, look)
        if look.size is not None:
            self._top.offer(key, look.size)

    def weighed(self, key: bytes, size: int) -> Iterable[Inspection]:
        """Remembers it if it is large."""
        self._top.offer(key, size)
        return ()

    def found(self) -> Kind:
        """What it has learnt so far."""
        top = [Largest(key, size) for key, size in self._top.largest_first()]
        return Kind(self._name, self._database, self._sample.seen, self._sample.looks, top)


class LargestWatch:
    """All keys of a database: a sample by type, and the largest of each type.

    Args:
        database: whose keys they are.
        samples: keys to look at closely.
        top: how many of each type are named.
    """

    def __init__(self, database: int, samples: int, top: int) -> None:
        self._database, self._most = database, top
        self._sample = Reservoir(samples, Random())  # noqa: S311  # a sample is no secret
        self._any = Top(top)
        self._of: dict[str, Top] = {}

    def wants(self, _key: bytes) -> bool:
        """Every key."""
        return True

    def take(self, keys: list[bytes]) -> Iterator[Inspection]:
        """Looks at a few."""
        for place, key in self._sample.choose(keys):
            yield look_at(key, partial(self._keep, place, key), with_kind=True)

    def _keep(self, place: int, key: bytes, look: Look) -> None:
        self._sample.keep(place, look)
        if look.size is not None:
            self._any.offer(key, look.size)
            self._typed(key, look.size, look.kind)

    def weighed(self, key: bytes, size: int) -> Iterator[Inspection]:
        """Asks for its type if it is large: that counts as a hit of the server, so not for every key."""
        if self._any.offer(key, size):
            yield kind_of(key, partial(self._typed, key, size))

    def _typed(self, key: bytes, size: int, kind: str) -> None:
        self._of.setdefault(kind, Top(self._most)).offer(key, size)

    def found(self) -> Kind:
        """What it has learnt so far."""
        top = [Largest(key, size, kind) for kind, t in self._of.items() for key, size in t.largest_first()]
        return Kind("", self._database, self._sample.seen, self._sample.looks, top)


class CountWatch:
    """How many keys match each of some patterns."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = {pattern: compiled(pattern) for pattern in patterns}
        self.counts: Counter[str] = Counter(dict.fromkeys(self._patterns, 0))

    def take(self, keys: list[bytes]) -> Iterable[Inspection]:
        """Counts them."""
        for pattern, matches in self._patterns.items():
            self.counts[pattern] += sum(1 for _ in filter(matches, keys))
        return ()


class EachWatch:
    """Examines each key that matches one of some patterns.

    Args:
        patterns: globs.
        most: keys of each pattern at most.
        examine: looks at a key.
    """

    def __init__(self, patterns: Iterable[str], most: int, examine: Callable[[bytes], Inspection]) -> None:
        self._left = {compiled(pattern): most for pattern in patterns}
        self._examine = examine
        self._seen: set[bytes] = set()

    def take(self, keys: list[bytes]) -> Iterator[Inspection]:
        """Examines those that match and were not met before."""
        for matches, left in self._left.items():
            if not left:
                continue
            new = [key for key in filter(matches, keys) if key not in self._seen][:left]
            self._left[matches] -= len(new)
            self._seen.update(new)
            yield from map(self._examine, new)


@dataclass(slots=True)
class Group:
    """Keys and bytes of a group, the bytes estimated from a sample; None where no memory is known."""

    keys: int = 0
    memory: float | None = None

    def add(self, other: Group) -> None:
        """Takes another one in."""
        self.keys += other.keys
        if other.memory is not None:
            self.memory = (self.memory or 0.0) + other.memory


@dataclass(slots=True)
class GroupWatch:
    """The groups of a database's keys.

    Args:
        expressions: the first that is found in a key says its group: what its parentheses hold, joined.
        most: groups that are shown; the others, those with the least memory, are one.
    """

    expressions: Sequence[str]
    most: int
    _expressions: Sequence[re.Pattern[bytes]] = field(init=False)
    _groups: dict[str, Reservoir] = field(init=False, default_factory=dict)
    _overflow: Reservoir = field(init=False)
    _random: Random = field(init=False, default_factory=Random)

    def __post_init__(self) -> None:
        self._expressions = [re.compile(text.encode()) for text in self.expressions]
        self._overflow = Reservoir(GROUP_SAMPLES, self._random)

    @property
    def distinct(self) -> int:
        """How many groups there are, up to the number that is told apart."""
        return len(self._groups)

    def take(self, keys: list[bytes]) -> Iterator[Inspection]:
        """Parts them into groups, and asks for the memory of some of each."""
        parted: dict[str, list[bytes]] = {}
        for key in keys:
            parted.setdefault(self._name_of(key), []).append(key)
        for name, some in parted.items():
            sample = self._groups.get(name)
            if sample is None and len(self._groups) < MOST_GROUPS:
                sample = self._groups[name] = Reservoir(GROUP_SAMPLES, self._random)
            sample = sample or self._overflow
            for place, key in sample.choose(some):
                yield _weigh(key, partial(sample.keep, place))

    def _name_of(self, key: bytes) -> str:
        for expression in self._expressions:
            if (match := expression.search(key)) is not None:
                parts = match.groups(b"") or (match[0],)
                return b"".join(parts).decode(errors="backslashreplace")
        return UNCLASSIFIED

    def found(self) -> Mapping[str, Group]:
        """The groups with the most memory, and `overflow` for the others if there are any."""
        groups = {name: _estimated(sample) for name, sample in self._groups.items()}
        order = sorted(groups, key=lambda name: (groups[name].memory or 0, groups[name].keys), reverse=True)
        shown = {name: groups[name] for name in order[: self.most]}
        rest = _estimated(self._overflow)
        for name in order[self.most :]:
            rest.add(groups[name])
        if rest.keys:
            shown.setdefault(OVERFLOW, Group()).add(rest)
        return shown


def _weigh(key: bytes, keep: Callable[[Look], None]) -> Inspection:
    (size,) = yield [memory_of(key)]
    if isinstance(size, int):
        keep(Look(size, None, None))


def _estimated(sample: Reservoir) -> Group:
    sizes = [look.size for look in sample.looks if look.size is not None]
    return Group(sample.seen, sample.seen * sum(sizes) / len(sizes) if sizes else None)
