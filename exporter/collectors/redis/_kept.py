"""The server's settings, which seldom change: asked for once a minute, not for each scrape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from exporter.model.deadline import Deadline
from exporter.sources.redis import Command, Info, RedisSource, Reply

KEPT_SECONDS = 60.0


class Kept:
    """Asks a server for INFO each time, and for settings when what is known of them is a minute old.

    INFO shows that the server is there, and whether it is still the same one: of another, or after a
    restart, all is asked anew. Replies are kept when each is what was asked for: no refusal, which may
    pass, and nothing that has got mixed up on the way.

    Args:
        redis: the server.
        commands: `CONFIG GET` of one setting each.
        clock: seconds, monotonic.
    """

    def __init__(
        self, redis: RedisSource, commands: Sequence[Command], clock: Callable[[], float] = monotonic
    ) -> None:
        self._redis = redis
        self._commands = commands
        self._clock = clock
        self._replies: Sequence[Reply] = ()
        self._run_id = ""
        self._until = 0.0

    async def get(self, deadline: Deadline) -> tuple[Info, Sequence[Reply]]:
        """INFO of now, and the reply of each command, from now or kept.

        Raises:
            SourceError: as `RedisSource.info`.
        """
        if self._replies and self._clock() < self._until:
            info = await self._redis.info(deadline)
            if info.get("run_id") == self._run_id:
                return info, self._replies
        info, replies = await self._redis.info_with(self._commands, deadline)
        whole = all(map(_answers, self._commands, replies))
        self._replies = replies if whole else ()
        self._run_id, self._until = info.get("run_id"), self._clock() + KEPT_SECONDS
        return info, replies


def _answers(command: Command, reply: Reply) -> bool:
    """Whether a reply is the name of the setting that was asked for, and a text."""
    return isinstance(reply, list) and reply[:1] == [command[-1]] and list(map(type, reply[1:])) == [str]
