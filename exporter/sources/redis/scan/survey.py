"""Looks at a server's keys in the background: a walk over all of them within a budget, again and again.

The walk is a task of its own and no run of a collector: it takes minutes, goes on between scrapes, and is to
be cheap at each moment, not short. Collectors show what the last pass has found, and their asking keeps it
going: a server that nobody scrapes is not walked. It uses SCAN on its own connection, and never KEYS.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from exporter.log import get_logger
from exporter.model.errors import Reason, Refused, SourceError, Unavailable
from exporter.sources.redis.info import Info, number
from exporter.sources.redis.scan.asker import Asker
from exporter.sources.redis.scan.connection import Asked
from exporter.sources.redis.scan.options import KeyOptions
from exporter.sources.redis.scan.pace import Pace
from exporter.sources.redis.scan.plan import Found, Plan
from exporter.sources.redis.scan.replies import unless_refused
from exporter.sources.redis.scan.singles import Singles
from exporter.sources.redis.scan.walk import Emptied, Pass

WANTED_SECONDS = 900.0
"""How long after the last scrape that wanted something it is still looked for."""
SINGLES_SECONDS = 15.0
"""Seconds from one look at keys that are known by their names to the next."""
RETRY_SECONDS = 10.0
"""The longest pause after a failure."""
NO_TOUCH_SINCE = (7, 2)
"""The version of Redis from which on a connection can leave the server's idea of what is in use alone."""
COMPLETE, PARTIAL, INTERRUPTED = "complete", "partial", "interrupted"
RESULTS = (COMPLETE, PARTIAL, INTERRUPTED)
"""How a pass ends: all keys were seen; it took too long; the keys were others all at once."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What the walk has done so far.

    Attributes:
        found: what the last pass and the last look at single keys have found; None before the first.
        singles: keys and streams that are known by name; None before the first look.
        coverage: the share of the keys that `found` is about.
        ended_at: when that pass ended, on the monotonic clock.
        completed_at: when the last whole pass ended.
        seconds: how long that took.
        keys: keys that went by in all passes.
        passes: by result.
    """

    found: Found | None = None
    singles: Singles | None = None
    coverage: float | None = None
    ended_at: float | None = None
    completed_at: float | None = None
    seconds: float | None = None
    keys: int = 0
    passes: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(RESULTS, 0)))


@dataclass(frozen=True, slots=True)
class _Server:
    """Who answers on the connection, and since when."""

    run_id: str
    uptime: float
    sizes: Mapping[int, int]

    def goes_on_as(self, later: _Server) -> bool:
        """Whether a cursor of this server is one of the later: it has not been started anew."""
        return self.run_id == later.run_id and self.uptime <= later.uptime


class KeySurvey:
    """Walks the keys of one server while somebody wants to know about them.

    Args:
        aside: the connection, for this alone.
        options: what is configured.
        name: names the server: "redis at localhost:6379".
        log: gets one line when a walk can't go on, and one when it does again.

    Attributes:
        options: as given.
        tally: what was done so far.
        failure: why there is nothing new: what the server refuses; None while all is well.
    """

    def __init__(self, aside: Asked, options: KeyOptions, name: str, log: Any = None) -> None:
        self.options = options
        self._name = name
        self._log = log or get_logger("exporter.sources")
        self._pace = Pace(options.scan_commands_per_second, options.scan_time_share)
        self._asker = Asker(aside, self._pace)
        self._wanted: dict[str, float] = {}
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self._pass: Pass | None = None
        self._server: _Server | None = None
        self._known_connection: int | None = None
        self._singles_at = self._begun_at = -float("inf")
        self.tally = Tally()
        self.failure: SourceError | None = None

    @property
    def progress(self) -> float | None:
        """The share of the keys that the pass under way has seen, or the last one; None before the first."""
        return self._pass.progress if self._pass is not None else self.tally.coverage

    @property
    def keys(self) -> int:
        """Keys that went by so far."""
        return self.tally.keys + (self._pass.seen if self._pass is not None else 0)

    @property
    def commands(self) -> Mapping[str, int]:
        """Commands sent so far, by name."""
        return self._asker.sent

    @property
    def server_seconds(self) -> float:
        """How long the server was kept so far."""
        return self._pace.seconds

    @property
    def refusals(self) -> Collection[Refused]:
        """What the server does not offer, so that some figures are missing."""
        return self._asker.aside.refusals

    def want(self, part: str) -> Tally:
        """Keeps the walk going for this part, and gives what there is.

        Raises:
            Unavailable: it has been closed.
            Exception: what the walk did not expect; it begins again when it is wanted the next time.
        """
        if self._closed:
            raise Unavailable(f"{self._name}: closed")
        self._wanted[part] = monotonic()
        if self._task is not None and self._task.done():
            ended, self._task = self._task, None
            ended.result()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"walk {self._name}")
        return self.tally

    def rest(self) -> None:
        """Ends the walk until somebody wants it again."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._asker.aside.close()

    async def close(self) -> None:
        """Ends the walk for good."""
        self._closed = True
        task = self._task
        self.rest()
        if task is not None:
            await asyncio.wait({task}, timeout=1.0)

    def _parts(self) -> Collection[str]:
        now = monotonic()
        return {part for part, at in self._wanted.items() if now - at < WANTED_SECONDS}

    async def _run(self) -> None:
        pause = 0.1
        try:
            while self._parts():
                try:
                    await self._turn()
                except SourceError as error:
                    self._failed(error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, RETRY_SECONDS)
                else:
                    self._went_on()
                    pause = 0.1
        finally:
            self._asker.aside.close()

    async def _turn(self) -> None:
        """The next thing to do: single keys, a page, or nothing for a while."""
        await self._meet()
        now = monotonic()
        if now - self._singles_at >= SINGLES_SECONDS:
            singles = Singles(self.options, self._parts())
            await singles.read(self._asker)
            self.tally.singles, self._singles_at = singles, now
        if self._pass is None and now - self._begun_at >= self.options.scan_interval_seconds:
            self._server, self._begun_at = await self._identify(), now
            plan = Plan(self.options, self._parts(), self._server.sizes)
            if plan.watches:
                self._pass = Pass(plan, self._server.sizes)
            else:
                self.tally.found = plan.found()
        if self._pass is None:
            soonest = min(
                self._singles_at + SINGLES_SECONDS, self._begun_at + self.options.scan_interval_seconds
            )
            await asyncio.sleep(max(0.01, soonest - monotonic()))
        else:
            await self._step(self._pass)

    async def _step(self, walk: Pass) -> None:
        if not walk.done:
            try:
                await walk.step(self._asker, self._known())
            except Emptied:
                self._end(walk, INTERRUPTED)
                return
            except Refused as refused:
                if refused.reason is not Reason.ERROR:
                    raise
                database = walk.give_up_database()
                self._log.warning("database left out", source=self._name, db=database, error=str(refused))
        if walk.done:
            self._end(walk, COMPLETE)
        elif monotonic() - walk.began > self.options.scan_max_seconds:
            self._end(walk, PARTIAL)

    def _end(self, walk: Pass, result: str) -> None:
        self._pass = None
        self.tally.keys += walk.seen
        self.tally.passes[result] += 1
        if result == INTERRUPTED:
            self._begun_at = -float("inf")  # at once from the start
            return
        now = monotonic()
        self.tally.found, self.tally.coverage, self.tally.ended_at = walk.plan.found(), walk.progress, now
        if result == COMPLETE:
            self.tally.completed_at, self.tally.seconds = now, now - walk.began

    def _known(self) -> Mapping[int, list[bytes]]:
        """The large keys that the last pass has found, by database."""
        known: dict[int, list[bytes]] = {}
        found = self.tally.found or Found()
        for kind in (*found.kinds, *found.largest):
            known.setdefault(kind.database, []).extend(largest.key for largest in kind.top)
        return {database: list(dict.fromkeys(keys)) for database, keys in known.items()}

    async def _meet(self) -> None:
        """On a new connection, finds out whether it leads to the server that is being walked."""
        aside = self._asker.aside
        if aside.number is not None and aside.number == self._known_connection:
            return
        server = await self._identify()
        if self._pass is not None and not (self._server and self._server.goes_on_as(server)):
            self._end(self._pass, INTERRUPTED)
        self._server, self._known_connection = server, aside.number

    async def _identify(self) -> _Server:
        (reply,) = unless_refused(await self._asker.ask([("INFO",)]))
        info = Info(reply.decode(errors="replace") if isinstance(reply, bytes) else "")
        if self._asker.aside.number != self._known_connection and _version(info) >= NO_TOUCH_SINCE:
            await self._asker.ask([("CLIENT", "NO-TOUCH", "ON")])
        keyspace = info.pairs("keyspace", "db")
        sizes = {int(db): number(parts.get("keys")) for db, parts in keyspace.items() if db.isdecimal()}
        known = {db: int(size or 0) for db, size in sizes.items()}
        return _Server(info.get("run_id"), float(info.number("uptime_in_seconds") or 0), known)

    def _failed(self, error: SourceError) -> None:
        """One line when it begins; a server that is down is said by who answers the scrapes."""
        if self.failure is None and error.reason is not Reason.UNAVAILABLE:
            self._log.warning("keys can't be looked at", source=self._name, error=str(error))
        self.failure = error

    def _went_on(self) -> None:
        if self.failure is not None and self.failure.reason is not Reason.UNAVAILABLE:
            self._log.info("keys are looked at again", source=self._name)
        self.failure = None


def _version(info: Info) -> tuple[int, ...]:
    with suppress(ValueError):
        return tuple(int(part) for part in info.get("redis_version").split(".")[:2])
    return (0,)
