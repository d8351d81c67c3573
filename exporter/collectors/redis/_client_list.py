"""CLIENT LIST: the connections of clients, by the names of their fields."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping

from exporter.collectors.redis._replies import granted
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.sources.redis import Command, RedisSource

CLIENT_LIST: Command = ("CLIENT", "LIST")
MOST_CLIENTS = 20_000
"""With more the list is not asked for: the server does nothing else while it writes it."""
AT_A_TIME = 500
"""Connections that are taken apart before others have their turn: that takes about ten milliseconds."""
PERIOD_SECONDS = 30.0

Client = Mapping[str, str]


async def clients(redis: RedisSource, deadline: Deadline) -> AsyncIterator[Client]:
    """The connections, each as field -> value; others have their turn while it goes through a long list.

    Raises:
        Skip: there are too many, or this user may not ask.
        SourceError: as `RedisSource.fetch`.
    """
    info = await redis.info(deadline)
    connected = info.number("connected_clients") or 0
    if connected > MOST_CLIENTS:
        raise Skip(
            Reason.UNSUPPORTED, f"{connected} clients: CLIENT LIST is asked for up to {MOST_CLIENTS} alone"
        )
    (reply,) = await redis.fetch([CLIENT_LIST], deadline)
    for number, client in enumerate(parse(str(granted(reply) or "")), 1):
        yield client
        if not number % AT_A_TIME:
            await asyncio.sleep(0)


def parse(text: str) -> Iterator[Client]:
    """Takes `id=3 addr=10.0.0.1:5 name=web age=7 ...` apart, lines without an ID left out."""
    for line in text.split("\n"):
        fields = {}
        for part in line.split(" "):
            name, sign, value = part.partition("=")
            if sign:
                fields[name] = value.rstrip("\r")
        if "id" in fields:
            yield fields
