"""Slow queries as every source reports them, and the newest ones of each source. No I/O.

Nothing here holds a value that a query was given: PostgreSQL's texts are redacted, of Redis's commands there
is the name alone. Client addresses are left out: they say who a person is, not why a query is slow.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from enum import StrEnum
from weakref import WeakKeyDictionary

KEPT = 200
"""How many slow queries of a source are kept, where nothing else is said."""
LONGEST_TEXT = 4_000
"""Characters of a text that are kept."""


class SlowKind(StrEnum):
    """What was slow."""

    RUNNING = "running"
    """A query that ran, or still runs, for longer than a threshold."""
    STATEMENT = "statement"
    """A statement whose calls took longer than a threshold on average, from one reading to the next."""
    COMMAND = "command"
    """One call in the slow log of Redis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowQuery:
    """One slow query, as far as it is known.

    Attributes:
        kind: what was slow.
        source: `postgres` or `redis`.
        server: for people: "postgres at localhost:5432"; of a group of Redis servers the one node.
        target: the name of the target that the server belongs to; empty for the top level.
        at: Unix time at which it was last seen; for a command when Redis noted it.
        since: Unix time at which a running query began, or since when a statement has been slow without
            a pause.
        seconds: how long it has run; of a statement the mean of a call.
        calls: how many calls `seconds` is the mean of.
        ended: False while it still runs.
        datname: the database; empty where it is not known, here and below.
        user: the role.
        application_name: as the client has set it.
        pid: the process that runs it.
        wait_event: type and event that it waits for, or was last seen to: `Lock:transactionid`.
        blocked_by: the processes that hold or held the lock it waits for; 0 is a prepared transaction.
        operation: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `MERGE` or `UTILITY`; the command's name in Redis.
        tables: the names in the text.
        text: redacted; empty in Redis.
        id: of the statement (`exporter.sql.normal.fingerprint`).
        queryid: PostgreSQL's number of the statement.
    """

    kind: SlowKind
    source: str
    server: str
    target: str = ""
    at: float
    since: float
    seconds: float
    calls: int = 1
    ended: bool = True
    datname: str = ""
    user: str = ""
    application_name: str = ""
    pid: int | None = None
    wait_event: str = ""
    blocked_by: tuple[int, ...] = ()
    operation: str = ""
    tables: tuple[str, ...] = ()
    text: str = ""
    id: str = ""
    queryid: str = ""


class SlowQueries:
    """The newest slow queries of one source, and who hears of them.

    Attributes:
        target: goes into each query that is noted.
        listeners: called with each query that is noted, in the event loop: they must not block or raise.
    """

    def __init__(self) -> None:
        self.target = ""
        self.listeners: set[Callable[[SlowQuery], None]] = set()
        self._most = KEPT
        self._newest: OrderedDict[Hashable, SlowQuery] = OrderedDict()

    def note(self, query: SlowQuery, key: Hashable = None, *, tell: bool = True) -> None:
        """Keeps a query as the newest one.

        Args:
            query: as it is now.
            key: takes the place of what was noted under this key before; None for a new one.
            tell: whether the listeners hear of it.
        """
        if self.target:
            query = replace(query, target=self.target)
        key = object() if key is None else (query.kind, key)
        self._newest[key] = query
        self._newest.move_to_end(key)
        self._shrink()
        if tell:
            for listener in self.listeners:
                listener(query)

    def amend(self, query: SlowQuery, key: Hashable) -> None:
        """Puts more that is known of a query in its place, if it is still kept; nobody is told."""
        if (query.kind, key) in self._newest:
            self._newest[query.kind, key] = replace(query, target=self.target)

    def newest(self, kind: SlowKind | None = None) -> list[SlowQuery]:
        """What is kept, the newest first; all kinds, or one."""
        return [query for query in reversed(self._newest.values()) if kind in (None, query.kind)]

    def keep(self, most: int) -> None:
        """Keeps as many from now on; the oldest are dropped."""
        self._most = most
        self._shrink()

    def _shrink(self) -> None:
        while len(self._newest) > self._most:
            self._newest.popitem(last=False)


_OF_SOURCE: WeakKeyDictionary[object, SlowQueries] = WeakKeyDictionary()


def slow_queries_of(source: object) -> SlowQueries:
    """The slow queries of a source: they last as long as it does, also across a reload."""
    if source not in _OF_SOURCE:
        _OF_SOURCE[source] = SlowQueries()
    return _OF_SOURCE[source]


def belongs_to(member: object, group: object) -> None:
    """Has the slow queries of a group's member noted with the group's."""
    _OF_SOURCE[member] = slow_queries_of(group)
