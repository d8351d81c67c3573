"""What routes read from: the targets by name, snapshots of them, and facts from their servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from exporter.http.api.figures import Read
from exporter.http.api.problems import ApiError
from exporter.http.api.shared import Shared
from exporter.http.api.stream import Turns
from exporter.http.served import TOP, Served, Watched
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

T = TypeVar("T")

SNAPSHOT_SECONDS = 2.0
"""How long a snapshot is shared."""
FACTS_SECONDS = 15.0
"""How long facts are shared that a server was asked for."""
LONGEST_SECONDS = 50.0
"""How long a caller waits at most; the guard ends everything after a minute."""
READING_SECONDS = 20.0
"""How long reading facts may take."""


class Place(BaseModel):
    """Which target: the part of a query that most routes have. Nothing else is understood."""

    model_config = ConfigDict(extra="forbid")

    target: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Name of a target in the configuration; without it what is at the top level.",
        examples=["default"],
    )


class Data:
    """Reads for the routes.

    Args:
        served: gives what is served now.

    Attributes:
        turns: of all that write long answers.
    """

    def __init__(self, served: Callable[[], Served]) -> None:
        self.turns = Turns()
        self._current = served
        self._shared = Shared()
        self._seen: Served | None = None

    @property
    def served(self) -> Served:
        """What is served now."""
        return self._notice()

    def _notice(self) -> Served:
        """After a reload nothing of before is shown."""
        served = self._current()
        if served is not self._seen:
            self._seen = served
            self._shared.clear()
        return served

    def each(self, target: str | None = None) -> dict[str, Watched]:
        """The target, or all with something configured, by name."""
        return self.served.by_name() if target is None else {target: self.watched(target)}

    def watched(self, target: str | None) -> Watched:
        """One target.

        Raises:
            ApiError: 404, there is none of this name.
        """
        served = self.served
        found = served.top if target is None else served.by_name().get(target)
        if found is None:
            raise ApiError(404, "no target has this name")
        return found

    def source(self, target: str | None, key: str) -> Any:
        """A source of a target.

        Raises:
            ApiError: 404, the target has none.
        """
        found = self.watched(target).sources.get(key)
        if found is None:
            raise ApiError(404, f"this target has no {key}")
        return found

    async def snapshot(
        self, target: str | None, collectors: Collection[str] | None, needs: str | None = None
    ) -> Read:
        """What collectors of a target give, not older than two seconds; as /metrics would show it.

        Args:
            target: its name; None for the top level.
            collectors: their names; None for all.
            needs: the source that there must be.

        Raises:
            ApiError: 404, there is no such target, or it has not this source.
        """
        watched = self.watched(target)
        if needs is not None:
            self.source(target, needs)
        selection = None if collectors is None else frozenset(collectors)

        seconds = min(watched.timeout_seconds, LONGEST_SECONDS)

        async def collect() -> Read:
            return Read(await watched.scrape_within(Deadline.after(seconds), selection))

        key = ("snapshot", target or TOP, selection)
        return await self.shared(key, collect, SNAPSHOT_SECONDS, min(2 * seconds, LONGEST_SECONDS))

    async def facts(
        self,
        target: str | None,
        what: Hashable,
        read: Callable[[PostgresServer, Deadline], Awaitable[T]],
    ) -> T:
        """What was read from a target's PostgreSQL server, not older than some seconds.

        Args:
            target: its name; None for the top level.
            what: tells readings apart.
            read: reads it, on a session for background work.

        Raises:
            ApiError: 404, there is no such target, or it has no PostgreSQL.
            SourceError: the server did not give it.
        """
        server: PostgresServer = self.source(target, "postgres")

        async def ask() -> T:
            return await self.offered(read(server, Deadline.after(READING_SECONDS)))

        return await self.shared(("facts", target or TOP, what), ask, FACTS_SECONDS, 2 * READING_SECONDS)

    @staticmethod
    async def offered(reading: Awaitable[T]) -> T:
        """What is read, or why the server has it not, in words of ours.

        Raises:
            ApiError: 404, the server does not offer it; 502, the exporter may not see it.
            SourceError: the server did not give it.
        """
        try:
            return await reading
        except Skip as skip:
            if skip.reason is Reason.PERMISSION:
                raise ApiError(502, "the exporter's role lacks a right on the server") from None
            text = "the server does not offer this; the command check says what is missing"
            raise ApiError(404, text) from None

    def forget(self) -> None:
        """Reads everything anew from now on."""
        self._shared.clear()

    async def shared(
        self, key: Hashable, read: Callable[[], Awaitable[T]], seconds: float, patience: float
    ) -> T:
        """As `Shared.get`, of what is served now."""
        self._notice()
        return await self._shared.get(key, read, seconds, patience)


def _data(request: Request) -> Data:
    data: Data = request.app.state.data
    return data


With = Annotated[Data, Depends(_data)]
"""A route's way to the data."""
