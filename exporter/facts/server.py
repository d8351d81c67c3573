"""A PostgreSQL server as an analysis sees it: settings, sessions, what its databases have counted. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

BYTES = {
    "B": 1,
    "kB": 1 << 10,
    "8kB": 8 << 10,
    "16kB": 16 << 10,
    "32kB": 32 << 10,
    "MB": 1 << 20,
    "GB": 1 << 30,
}
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the server, as a session has it that changes nothing.

    Attributes:
        name: its name.
        value: in its unit, as text.
        unit: as in pg_settings: `8kB`, `ms`; empty without.
        source: where it comes from: `default`, `configuration file`, `command line`, ...
        context: what a change takes: `postmaster` is a restart.
        pending: whether the file has another value that waits for a restart.
    """

    name: str
    value: str
    unit: str = ""
    source: str = "default"
    context: str = "user"
    pending: bool = False

    @property
    def number(self) -> float:
        """The value as a number, in its unit.

        Raises:
            ValueError: it is none.
        """
        return float(self.value)

    @property
    def bytes(self) -> float:
        """The value in bytes; -1 and 0, which have meanings of their own, as they are."""
        return self.number * BYTES[self.unit] if self.number > 0 else self.number

    @property
    def seconds(self) -> float:
        """The value in seconds; -1 and 0 as they are."""
        return self.number * SECONDS[self.unit] if self.number > 0 else self.number

    @property
    def on(self) -> bool:
        """Whether it is `on`."""
        return self.value == "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatistics:
    """A database in pg_stat_database: counted since the statistics were reset.

    Attributes:
        seconds: how long that is, at least.
        sessions: established; with the three that ended badly from PostgreSQL 14 on, None before.
        xid_age: transactions since the oldest one that is not frozen.
        mxid_age: the same of multixacts.
    """

    datname: str
    seconds: float | None = None
    numbackends: int = 0
    xact_commit: int = 0
    xact_rollback: int = 0
    blks_hit: int = 0
    blks_read: int = 0
    temp_files: int = 0
    temp_bytes: int = 0
    deadlocks: int = 0
    sessions: int | None = None
    sessions_abandoned: int | None = None
    sessions_fatal: int | None = None
    sessions_killed: int | None = None
    xid_age: int = 0
    mxid_age: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Checkpoints since the statistics were reset, `seconds` ago: by time, and because WAL filled up."""

    timed: int = 0
    requested: int = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session of a client in pg_stat_activity, without its query.

    Attributes:
        state: `active`, `idle`, `idle in transaction`, ...; empty where the role may not see it.
        connected_seconds: since it connected.
        transaction_seconds: since its transaction began; None outside of one.
        state_seconds: since it is in that state; None where it is not known.
        xmin_age: transactions since the oldest that VACUUM must keep rows for because of it; None for none.
    """

    datname: str
    user: str
    application: str = ""
    state: str = ""
    connected_seconds: float = 0.0
    transaction_seconds: float | None = None
    state_seconds: float | None = None
    xmin_age: int | None = None


@dataclass(frozen=True, slots=True)
class StatementStore:
    """pg_stat_statements.

    Attributes:
        loaded: whether the library is in shared_preload_libraries.
        created: whether the extension is in the main database.
        entries: how many statements it has; None where it could not be read.
        deallocations: how often it threw statements away for lack of room, from extension 1.9 on.
        seconds: since it was reset; the same.
    """

    loaded: bool = False
    created: bool = False
    entries: int | None = None
    deallocations: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """A server at one time.

    Attributes:
        major: 13 to 18.
        taken_at: Unix time.
        uptime_seconds: since the postmaster started.
        settings: by name: those that an analysis looks at, as far as the role sees them.
        set_for_some: the settings that ALTER ROLE or ALTER DATABASE gives somebody.
        managed: the service that runs it: `Amazon RDS`, `Google Cloud SQL`, `Azure`; empty for none.
        is_standby: whether it replays the WAL of another.
        standbys: how many servers stream from it.
        databases: those that accept connections.
        checkpoints: counted so far.
        sessions: of clients, without the one that asked.
        sessions_visible: whether the role sees what others do: with pg_read_all_stats.
        autovacuum_workers: how many run now.
        statements: the state of pg_stat_statements.
        memory_bytes: memory of the machine or container that it runs in; None if that is not known.
    """

    major: int
    taken_at: float
    uptime_seconds: float
    settings: Mapping[str, Setting]
    set_for_some: frozenset[str] = frozenset()
    managed: str = ""
    is_standby: bool = False
    standbys: int = 0
    databases: Sequence[DatabaseStatistics] = ()
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    sessions: Sequence[Session] = ()
    sessions_visible: bool = True
    autovacuum_workers: int = 0
    statements: StatementStore = field(default_factory=StatementStore)
    memory_bytes: int | None = None
