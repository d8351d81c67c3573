"""What a pass is for: who looks at the keys of which database, and what all of them have found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.sources.redis.scan.inspect import KeyFacts, StreamFacts
from exporter.sources.redis.scan.options import (
    KEYS,
    LARGEST,
    PATTERNS,
    STREAMS,
    KeyOptions,
    by_database,
    is_pattern,
    placed,
)
from exporter.sources.redis.scan.singles import key_examiner, stream_examiner
from exporter.sources.redis.scan.watch import (
    CountWatch,
    EachWatch,
    Group,
    GroupWatch,
    Kind,
    KindWatch,
    LargestWatch,
    Watch,
    Weighing,
)


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a database: how many, and those that are shown."""

    distinct: int
    shown: Mapping[str, Group]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a pass has found.

    Attributes:
        kinds: one for each pattern.
        largest: one for each database.
        counts: database and pattern -> keys.
        groups: by database.
        keys: examined one by one.
        streams: examined one by one.
    """

    kinds: Sequence[Kind] = ()
    largest: Sequence[Kind] = ()
    counts: Mapping[tuple[int, str], int] = field(default_factory=dict)
    groups: Mapping[int, Groups] = field(default_factory=dict)
    keys: Sequence[KeyFacts] = ()
    streams: Sequence[StreamFacts] = ()


class Plan:
    """Watches for what is asked for, made for one pass.

    Args:
        options: what is configured.
        parts: which of it somebody wants to see.
        databases: those with keys.

    Attributes:
        watches: database -> those who look at its keys.
        weighing: database -> those of them who look for large keys.
    """

    def __init__(self, options: KeyOptions, parts: Collection[str], databases: Iterable[int]) -> None:
        self._options = options
        self._kinds: dict[int, list[KindWatch]] = {}
        self._largest: dict[int, LargestWatch] = {}
        self._counts: dict[int, CountWatch] = {}
        self._groups: dict[int, GroupWatch] = {}
        self._keys: list[KeyFacts] = []
        self._streams: list[StreamFacts] = []
        self.watches: dict[int, list[Watch]] = {}
        self.weighing: dict[int, list[Weighing]] = {}
        if PATTERNS in parts:
            self._watch_patterns()
        if LARGEST in parts and options.top_keys:
            self._watch_largest(databases)
        if KEYS in parts:
            self._watch_keys(databases)
        if STREAMS in parts:
            self._watch_streams()

    def leave_out(self, database: int) -> None:
        """Forgets a database that can't be read."""
        for part in (self._kinds, self._largest, self._counts, self._groups):
            part.pop(database, None)

    def found(self) -> Found:
        """What was found so far."""
        return Found(
            kinds=[watch.found() for watches in self._kinds.values() for watch in watches],
            largest=[watch.found() for watch in self._largest.values()],
            counts={(db, pattern): n for db, w in self._counts.items() for pattern, n in w.counts.items()},
            groups={db: Groups(watch.distinct, watch.found()) for db, watch in self._groups.items()},
            keys=self._keys,
            streams=self._streams,
        )

    def _watch_patterns(self) -> None:
        options = self._options
        for name, text in options.key_patterns:
            database, pattern = placed(text)
            watch = KindWatch(name, database, pattern, options.scan_samples, options.top_keys)
            self._kinds.setdefault(database, []).append(watch)
            self._add(database, watch)
            if options.top_keys:
                self.weighing.setdefault(database, []).append(watch)

    def _watch_largest(self, databases: Iterable[int]) -> None:
        for database in databases:
            watch = LargestWatch(database, self._options.scan_samples, self._options.top_keys)
            self._largest[database] = watch
            self._add(database, watch)
            self.weighing.setdefault(database, []).append(watch)

    def _watch_keys(self, databases: Iterable[int]) -> None:
        options = self._options
        for database, patterns in by_database(options.count_keys).items():
            self._counts[database] = CountWatch(patterns)
            self._add(database, self._counts[database])
        for database in databases if options.check_key_groups else ():
            self._groups[database] = GroupWatch(options.check_key_groups, options.max_distinct_key_groups)
            self._add(database, self._groups[database])
        for database, patterns in by_database(filter(is_pattern, options.check_keys)).items():
            examine = key_examiner(options, database, self._keys.append)
            self._add(database, EachWatch(patterns, options.check_keys_limit, examine))

    def _watch_streams(self) -> None:
        options = self._options
        for database, patterns in by_database(filter(is_pattern, options.check_streams)).items():
            examine = stream_examiner(options, database, self._streams.append)
            self._add(database, EachWatch(patterns, options.check_keys_limit, examine))

    def _add(self, database: int, watch: Watch) -> None:
        self.watches.setdefault(database, []).append(watch)
