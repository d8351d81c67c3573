"""All nodes of a Redis Cluster, or all servers that Sentinels know, each a `RedisServer`.

Who belongs to the group is asked anew for each scrape, of nodes that are known already; the seeds of the
configuration are where it begins, and what is left when nobody else answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

from exporter.log import get_logger
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused
from exporter.model.slow_query import belongs_to
from exporter.sources.redis.discovery import Discovered, Discovery, Member
from exporter.sources.redis.options import ENCRYPTED, PLAIN, RedisOptions, address_of
from exporter.sources.redis.server import RedisServer

FRESH_SECONDS = 1.0
"""How long an answer holds: all collectors of a scrape share it."""


class RedisNodes:
    """The servers of a group, found from seeds.

    Args:
        seeds: addresses to begin with, all with the options of the first but for the URL.
        discovery: asks for the members of the group.
        sentinel: the login of Sentinels: user and password.
        max_nodes: members beyond this number are left out, and the log says so.
        log: gets a line when members come and go.

    Attributes:
        address: the seeds, for people.
        discovery: as given.
    """

    def __init__(
        self,
        seeds: Sequence[RedisOptions],
        discovery: Discovery,
        sentinel: tuple[str | None, str | None] = (None, None),
        max_nodes: int = 100,
        log: Any = None,
    ) -> None:
        self._options = seeds[0]
        self._sentinel = sentinel
        self.discovery = discovery
        self._max_nodes = max_nodes
        self._log = log or get_logger("exporter.sources")
        places = [address_of(seed) for seed in seeds]
        self._tls = places[0].tls
        self._seeds = [Member(place.host, place.port, sentinel=discovery.asks_sentinels) for place in places]
        self.address = ",".join(place.where for place in places)
        self._servers: dict[Member, RedisServer] = {}
        self._members: Sequence[Member] = self._seeds
        self._task: asyncio.Task[None] | None = None
        self._asked_at: float | None = None
        self._failure = ""
        self._closing: set[asyncio.Task[None]] = set()

    def describe(self) -> str:
        """Names the group for people, without a secret: "redis at h1:6379,h2:6379"."""
        return f"redis at {self.address}"

    @property
    def refusals(self) -> tuple[Refused, ...]:
        """What the members have refused."""
        return tuple(refused for server in self._servers.values() for refused in server.refusals)

    @property
    def failure(self) -> str:
        """Why the group is not known, so that only the seeds are watched; empty if it is."""
        return self._failure

    async def nodes(self, deadline: Deadline) -> Mapping[str, RedisServer]:
        """The members by `host:port`, those that are down too; the seeds while nobody tells of others.

        Returns before the deadline what was known before, if nobody answers.
        """
        if self._task is None and not self._fresh():
            self._task = asyncio.create_task(self._discover(deadline), name=f"discover {self.describe()}")
            self._task.add_done_callback(self._discovered)
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=deadline.left() / 2)
        return {member.name: self._server(member) for member in self._members}

    async def close(self) -> None:
        """Closes all connections."""
        if self._task is not None:
            self._task.cancel()
        await asyncio.gather(*(server.close() for server in self._servers.values()), *self._closing)

    def _fresh(self) -> bool:
        return self._asked_at is not None and monotonic() - self._asked_at < FRESH_SECONDS

    def _discovered(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled():
            task.exception()

    async def _discover(self, deadline: Deadline) -> None:
        """Asks who belongs to the group: first those who do, then the seeds."""
        known = [member for member in self._members if member.sentinel == self.discovery.asks_sentinels]
        others = [seed for seed in self._seeds if seed not in known]
        failure = ""
        for members in (known, others):
            limit = Deadline.after(deadline.left() / 3)
            servers = {member: self._server(member) for member in members}
            found = await self.discovery.members(servers, limit) if servers else Discovered((), "")
            if found.members:
                self._take(found.members)
                self._asked_at, failure = monotonic(), ""
                break
            failure = found.failure or failure
        if failure and failure != self._failure:
            self._log.warning("nodes not discovered", target=self.describe(), text=failure)
        self._failure = failure

    def _take(self, members: Sequence[Member]) -> None:
        ordered = sorted(members)
        taken = ordered[: self._max_nodes]
        if set(taken) != set(self._members):
            self._log.info("nodes of the group", target=self.describe(), nodes=[m.name for m in taken])
            if len(ordered) > len(taken):
                self._log.warning("nodes left out: redis.max_nodes", left_out=len(ordered) - len(taken))
        self._members = taken
        for member in self._servers.keys() - set(taken):
            task = asyncio.create_task(self._servers.pop(member).close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _server(self, member: Member) -> RedisServer:
        server = self._servers.get(member)
        if server is None:
            options = replace(self._options, url=self._url(member))
            if member.sentinel:
                username, password = self._sentinel
                options = replace(options, username=username, password=password)
            server = self._servers[member] = RedisServer(options, self._log)
            belongs_to(server, self)
        return server

    def _url(self, member: Member) -> str:
        scheme = ENCRYPTED[0] if self._tls else PLAIN[0]
        return f"{scheme}://{member.endpoint(tls=self._tls)}"
