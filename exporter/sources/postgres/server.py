"""One PostgreSQL server: queries in its main database and in the others, within `max_connections`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle, islice
from math import inf
from time import monotonic

from exporter.log import get_logger
from exporter.model.deadline import Deadline
from exporter.model.errors import SourceError, Unavailable
from exporter.sources.postgres.connect import Connector, PostgresOptions
from exporter.sources.postgres.main import Busy, MainSessions
from exporter.sources.postgres.others import OtherSessions, Place
from exporter.sources.postgres.plans import PlanSession
from exporter.sources.postgres.rows import Extension, Rows
from exporter.sources.postgres.session import ConnectionLost
from exporter.sources.postgres.together import Alone, Together
from exporter.sources.updown import UpDown

log = get_logger("exporter.sources.postgres")

# In hexadecimal: an SQL_ASCII database may have created another one whose name is no text.
DATABASES = """
SELECT encode(namesend(datname), 'hex'), (datname = current_database())::int
FROM pg_database
WHERE datallowconn AND NOT datistemplate AND has_database_privilege(datname, 'CONNECT')
ORDER BY datname
"""
EXTENSIONS = """
SELECT e.extname, quote_ident(n.nspname), e.extversion
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = e.extnamespace
"""
# Of our own role and name: a process whose number another one has by now is most probably not among those.
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = {pid} AND state = 'active' AND usename = session_user
  AND application_name = current_setting('application_name')
"""
TERMINATE_SECONDS = 1.0
BUSY_SECONDS = 0.25
"""How long a query waits for the kept session before it goes to one beside it."""
DATABASES_SECONDS = 5.0
"""How long the list of databases holds: the collectors of one scrape share it."""
EXTENSIONS_SECONDS = 60.0
"""How long the list of a database's extensions holds."""


class PostgresServer:
    """Fetches rows from one server.

    Args:
        options: where it is, and the bounds.
        name: names the pool in its statistics.

    Attributes:
        address: `host:port`, for labels and messages.
        options: as given.
    """

    def __init__(self, options: PostgresOptions, name: str = "postgres") -> None:
        # One session is kept; the others go where they are wanted.
        others = options.max_connections - 1
        self.options = options
        self._main = MainSessions(options, 1, name)
        connector = Connector(options, heard=lambda _error: None)
        self._others = OtherSessions(connector, others, self._terminate) if others else None
        self._together = Together(self._main, BUSY_SECONDS if self._others is not None else inf)
        self.address = self._main.connector.address
        self.pool = self._main.pool
        self._state = UpDown(self.describe())
        self._databases: tuple[float, list[str]] = (float("-inf"), [])
        self._nameless: list[str] = []
        self._shown: dict[str, bool] = {}
        self._turn: tuple[float, int, Collection[str]] = (float("-inf"), 0, ())
        self._extensions: dict[str | None, tuple[float, Mapping[str, Extension]]] = {}

    def describe(self) -> str:
        """What people call this target in messages."""
        return f"postgres at {self.address}"

    @property
    def connections(self) -> int:
        """How often the main database was connected to: what was found out about the server holds as long."""
        return self._main.connections

    async def fetch(
        self,
        sql: str | Callable[[int], str],
        deadline: Deadline,
        *,
        database: str | None = None,
        aside: bool = False,
        own_search_path: bool = False,
        together: bool = False,
    ) -> Rows:
        """The rows of one query.

        Args:
            sql: one statement that reads, or a function from the server's major version to it.
            deadline: when the rows must be there.
            database: where to run it; None for the main database.
            aside: on a short-lived session for background work, which scrapes never wait for.
            own_search_path: with the role's own `search_path` in place of `pg_catalog`; on a
                short-lived session too.
            together: with what else is asked in the same moment, in one round trip: for small queries
                in the main database.

        Raises:
            Unavailable: the server can't be reached, or does not answer.
            DeadlineExceeded: the rows did not come in time. Nothing of the query stays on the server.
            Refused: the server answered no.
        """
        query = sql if callable(sql) else lambda _major: sql
        other = "" if database in (None, self._main.database) else database or ""
        if self._others is not None and (other or aside or own_search_path):
            await self._main.enter(deadline)
            return await self._others.fetch(Place(other, aside, own_search_path), query, deadline)
        try:
            fetch = self._fetch_small if together else self._fetch_main
            rows = await fetch(query, deadline)
        except Unavailable as error:
            self._state.down(error)
            raise
        self._state.up()
        return rows

    async def _fetch_small(self, query: Callable[[int], str], deadline: Deadline) -> Rows:
        """One query in the main database, in one round trip with others where that can be."""
        if self._main.pooled:
            return await self._fetch_main(query, deadline)
        try:
            return await self._together.fetch(query, deadline)
        except Alone:
            return await self._fetch_main(query, deadline)
        except Busy:
            assert self._others is not None
            return await self._others.fetch(Place(""), query, deadline)

    async def _fetch_main(self, sql: Callable[[int], str], deadline: Deadline) -> Rows:
        """One query in the main database, on another session where one turns out to be dead.

        A restart of the server leaves dead sessions in the pool; what only reads can be asked again.
        """
        lost: SourceError | None = None
        patience = inf if self._others is None else BUSY_SECONDS
        for _ in range(self.options.max_connections + 1):
            try:
                session = await self._main.lease(deadline, patience)
            except Busy:
                assert self._others is not None
                return await self._others.fetch(Place(""), sql, deadline)
            try:
                await session.limit_statements(deadline)
                return await session.run(sql(session.major), deadline)
            except ConnectionLost as error:
                lost = error
            finally:
                await self._main.give_back(session)
        raise lost or Unavailable(f"{self.describe()}: no session")

    @asynccontextmanager
    async def plan_session(
        self, deadline: Deadline, database: str | None = None
    ) -> AsyncIterator[PlanSession]:
        """A session that asks for plans, for background work; closed at the end.

        It has the place of `fetch(aside=True)`, which waits until it is closed: what an analysis reads, it
        reads before or after.

        Args:
            deadline: when the session must be open.
            database: None for the main one.

        Raises:
            Unavailable: no connection, a pooler that shares sessions, or `max_connections` of 1.
            DeadlineExceeded: its turn did not come in time.
            Refused: the role is a superuser, or has other rights that planning must not have.
        """
        # Tokenizer and all: only who asks for plans needs it.
        from exporter.sources.postgres.plan_session import open_plans  # noqa: PLC0415

        if self._others is None:
            raise Unavailable(f"{self.describe()}: plans need max_connections of 2 at least")
        await self._main.enter(deadline)
        other = "" if database in (None, self._main.database) else database or ""
        async with self._others.session(Place(other, aside=True), deadline) as session:
            yield await open_plans(session, self.options.queries, deadline)

    async def databases(self, deadline: Deadline) -> list[str]:
        """The databases that database-scoped collectors read: names, the main database first.

        Only those that accept connections, are no templates, that the role may connect to, and that
        the settings include; the main one always. A name that is not UTF-8 text can't be connected to
        and is left out. From pg_database.
        """
        seen_at, names = self._databases
        if names and monotonic() - seen_at < DATABASES_SECONDS:
            return names
        rows = await self.fetch(DATABASES, deadline)
        pairs = [(bytes.fromhex(name or ""), main == "1") for name, main in zip(*rows.columns, strict=True)]
        found = [name.decode("utf-8", "backslashreplace") for name, main in pairs if main]
        if self._others is not None:
            found += filter(self.options.wants, self._texts(name for name, main in pairs if not main))
            refused = self._others.refused()
            if self._main.pooled:  # a pooler knows some databases only, and says so when it is asked
                found = [name for name in found if name not in refused]
        self._databases = (monotonic(), found)
        return found

    async def extensions(
        self, deadline: Deadline, *, database: str | None = None, aside: bool = False
    ) -> Mapping[str, Extension]:
        """The extensions of a database by name, as of a minute ago at most; None for the main database.

        From pg_extension.
        """
        seen_at, found = self._extensions.get(database, (float("-inf"), {}))
        if monotonic() - seen_at < EXTENSIONS_SECONDS:
            return found
        rows = await self.fetch(EXTENSIONS, deadline, database=database, aside=aside)
        found = {
            name or "": Extension(schema or "", version or "")
            for name, schema, version in zip(*rows.columns, strict=True)
        }
        self._extensions[database] = (monotonic(), found)
        return found

    def shows(self, database: str | None) -> bool:
        """Whether rows about a database are to be shown: the settings may exclude it.

        The main database always is, and what belongs to none.
        """
        if not database or database == self._main.database:
            return True
        if database not in self._shown:
            self._shown[database] = self.options.shows(database)
        return self._shown[database]

    def turn(self, names: Sequence[str]) -> Collection[str]:
        """Those of the databases that a scrape reads anew: the main one, which is the first, and of the
        others all, or `databases_per_scrape` in turn.

        The collectors of one scrape get the same ones, so that they share sessions.
        """
        count = self.options.databases_per_scrape
        others = names[1:]
        if len(others) <= count:
            return names
        changed_at, first, chosen = self._turn
        if monotonic() - changed_at > DATABASES_SECONDS:
            chosen = {names[0], *islice(cycle(others), first, first + count)}
            self._turn = (monotonic(), (first + count) % len(others), chosen)
        return chosen

    def _texts(self, names: Iterable[bytes]) -> list[str]:
        texts, nameless = [], []
        for name in names:
            try:
                texts.append(name.decode())
            except UnicodeDecodeError:
                nameless.append(name.decode("utf-8", "backslashreplace"))
        if nameless and nameless != self._nameless:
            log.warning(
                "databases left out, rename them to UTF-8", target=self.describe(), databases=nameless
            )
        self._nameless = nameless
        return texts

    async def _terminate(self, pid: int) -> None:
        """Ends a session of ours: a function may catch cancel requests, and run on without us."""
        with suppress(SourceError):
            await self.fetch(TERMINATE.format(pid=pid), Deadline.after(TERMINATE_SECONDS))

    async def close(self) -> None:
        """Ends all sessions; waits two seconds at most."""
        await self._main.close()
        if self._others is not None:
            await self._others.close()
