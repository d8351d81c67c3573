"""Asking what only some servers know: INFO tells which, so that nobody is asked in vain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.sources.redis import Command, Info, RedisSource, Reply


class AskWhere:
    """Asks a server for INFO, and for more where INFO says that it makes sense.

    A command that a server does not know would raise its own error counters. From the second time on it
    is one round trip for both.

    Args:
        redis: the server.
        applies: whether INFO says so.
        otherwise: why it is skipped elsewhere, for people.
    """

    def __init__(self, redis: RedisSource, applies: Callable[[Info], bool], otherwise: str) -> None:
        self._redis = redis
        self._applies = applies
        self._otherwise = otherwise
        self._applied = False

    async def __call__(self, commands: Sequence[Command], deadline: Deadline) -> tuple[Info, list[Reply]]:
        """INFO, and the reply of each command.

        Raises:
            Skip: INFO says that this server has nothing of the kind.
            SourceError: as `RedisSource.fetch`.
        """
        if self._applied:  # as it was the last time
            info, replies = await self._redis.info_with(commands, deadline)
            self._check(info)
            return info, replies
        info = await self._redis.info(deadline)
        self._check(info)
        return info, await self._redis.fetch(commands, deadline)

    def _check(self, info: Info) -> None:
        self._applied = self._applies(info)
        if not self._applied:
            raise Skip(Reason.UNSUPPORTED, self._otherwise)


def in_cluster(info: Info) -> bool:
    """Whether the server is a node of a Redis Cluster."""
    return info.number("cluster_enabled") == 1


def is_sentinel(info: Info) -> bool:
    """Whether the server is a Sentinel."""
    return (info.get("redis_mode") or info.get("server_mode")) == "sentinel"  # Valkey has renamed it
