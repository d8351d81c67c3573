"""Counts the entries of the slow log by command, and notes them, from one look at it to the next.

Entries have numbers that count up, also over SLOWLOG RESET. So what is above the highest number seen is new.
Of an entry's arguments nothing is kept: the first word names the command, if it is one that INFO lists,
which also keeps secret names of renamed commands out. Valkey's command log of slow commands is its slow log
under another name, so it is read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from exporter.collectors.redis._replies import listed
from exporter.model.metric import counter
from exporter.model.slow_query import SlowKind, SlowQueries, SlowQuery, slow_queries_of
from exporter.model.table import Table, by_row, single
from exporter.sources.redis import Info, RedisSource, Reply

LABELS = ("cmd",)
ENTRIES = counter(
    "redis_slowlog_entries_total",
    "Slow calls that came to the slow log since the exporter has watched it, by command;"
    " beyond 50 commands the rest is other.",
    LABELS,
)
SECONDS = counter(
    "redis_slowlog_entries_duration_seconds_total", "How long those slow calls took together.", LABELS
)
UNSEEN = counter(
    "redis_slowlog_unseen_entries_total",
    "Slow calls since then that the slow log had dropped before they were seen.",
)
METRICS = (ENTRIES, SECONDS, UNSEEN)

MOST_COMMANDS = 50
MOST_ENTRIES = 128
"""Entries that are asked for at a time: the length of a slow log that is configured to nothing else."""
OTHER = "other"


class Entry(NamedTuple):
    """One slow call: its number, its Unix time, how long it took, and its first two words."""

    id: int
    at: int
    seconds: float
    words: Sequence[str]


def entries(reply: Reply) -> Iterator[Entry]:
    """The entries of a reply of SLOWLOG GET; what has another shape is left out."""
    for entry in listed(reply):
        match listed(entry):
            case [int(number), int(at), int(microseconds), list(words), *_]:
                yield Entry(number, at, microseconds / 1e6, [str(word) for word in words[:2]])


class SlowCalls:
    """The counters of one server's slow log.

    Args:
        server: for people: "redis at localhost:6379".
        queries: where its entries are noted.
    """

    def __init__(self, server: str, queries: SlowQueries) -> None:
        self._server = server
        self._queries = queries
        self._run_id: str | None = None
        self._seen: int | None = None  # the highest number; None while the log was always empty
        self._counts: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._unseen = 0

    def nothing(self, info: Info) -> None:
        """Notes that the log is empty."""
        if info.get("run_id") != self._run_id:
            self._run_id, self._seen = info.get("run_id"), None

    def wanted(self, newest: int, info: Info) -> int:
        """How many entries to ask for, given the newest one's number; 0 for none."""
        if self._seen is None or not self._knows(newest, info):
            return MOST_ENTRIES
        return min(MOST_ENTRIES, newest - self._seen)

    def take(self, reply: Reply, newest: int, info: Info) -> None:
        """Counts the entries that are new, up to the newest.

        Of a server that was not seen before, what is in the log already only says which commands there are:
        their counters begin at 0, so that a restart of the exporter is no burst of slow calls. Those entries
        can be shown, but nobody is told of them as if they were new.
        """
        known = self._knows(newest, info)
        seen = self._seen if known and self._seen is not None else -1
        found = {entry.id: entry for entry in entries(reply) if seen < entry.id <= newest}
        for number in sorted(found):
            entry, command = found[number], command_of(found[number].words, info)
            self._add(command, int(known), entry.seconds if known else 0.0)
            query = self._noted(entry, command)
            self._queries.note(query, (self._server, info.get("run_id"), number), tell=known)
        if known and self._seen is not None:
            self._unseen += newest - self._seen - len(found)
        self._run_id, self._seen = info.get("run_id"), newest

    def _knows(self, newest: int, info: Info) -> bool:
        """Whether it is the server of the last time: another one, or a restarted one, counts from 0 again."""
        return info.get("run_id") == self._run_id and (self._seen is None or newest >= self._seen)

    def _noted(self, entry: Entry, command: str) -> SlowQuery:
        return SlowQuery(
            kind=SlowKind.COMMAND,
            source="redis",
            server=self._server,
            at=entry.at,
            since=entry.at,
            seconds=entry.seconds,
            operation=command,
        )

    def _add(self, command: str, count: int, seconds: float) -> None:
        if command not in self._counts and len(self._counts) >= MOST_COMMANDS:
            command = OTHER
        self._counts[command] = self._counts.get(command, 0) + count
        self._seconds[command] = self._seconds.get(command, 0.0) + seconds

    def tables(self) -> Sequence[Table]:
        """The counters."""
        rows = [((name,), (count, self._seconds[name])) for name, count in self._counts.items()]
        return [by_row(LABELS, (ENTRIES, SECONDS), rows), single({UNSEEN: self._unseen})]


_OF_SERVER: WeakKeyDictionary[RedisSource, SlowCalls] = WeakKeyDictionary()


def slow_calls_of(redis: RedisSource) -> SlowCalls:
    """The counters of a server's slow log, also across a reload: what comes meanwhile is new, too."""
    if redis not in _OF_SERVER:
        _OF_SERVER[redis] = SlowCalls(redis.describe(), slow_queries_of(redis))
    return _OF_SERVER[redis]


def command_of(words: Sequence[str], info: Info) -> str:
    """The command as INFO's section Commandstats names it: `get`, `config|get`; `other` if it does not."""
    stats = info.section("commandstats")
    for name in ("|".join(words), *words[:1]):
        for cased in (name.lower(), name.upper()):  # Dragonfly has capitals
            if f"cmdstat_{cased}" in stats:
                return cased
    return OTHER
