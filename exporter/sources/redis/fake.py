"""A Redis server that answers from captured replies, for tests without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, SourceError
from exporter.sources.redis.info import Info
from exporter.sources.redis.source import Command, Reply


class FakeRedis:
    """Answers as `RedisServer` does, at once.

    Args:
        info: the reply of INFO ALL.
        replies: the replies of other commands, command -> reply; one that is missing is unknown to
            this server.

    Attributes:
        info_text: what INFO answers from now on; None refuses it.
        replies: as given, to be changed by a test.
        down: what every call raises, while it is set.
        asked: all commands so far, in order.
    """

    def __init__(self, info: str | None = "", replies: Mapping[Any, Any] | None = None) -> None:
        self.info_text = info
        self.replies: dict[Command, Reply] = dict(replies or {})
        self.down: SourceError | None = None
        self.asked: list[Command] = []

    @property
    def connect_seconds(self) -> float | None:
        """A connection that took a millisecond."""
        return None if self.down else 0.001

    def describe(self) -> str:
        """Names it as a real server is named."""
        return "redis at fake:6379"

    async def fetch(self, commands: Sequence[Command], deadline: Deadline) -> list[Reply]:  # noqa: ARG002
        """The captured reply of each command."""
        if self.down is not None:
            raise self.down
        self.asked += commands
        return [self.replies.get(command, self._unknown(command)) for command in commands]

    async def info(self, deadline: Deadline) -> Info:
        """The captured INFO, taken apart."""
        return (await self.info_with((), deadline))[0]

    async def info_with(self, commands: Sequence[Command], deadline: Deadline) -> tuple[Info, list[Reply]]:
        """The captured INFO, and the replies of more commands."""
        replies = await self.fetch(commands, deadline)
        if self.info_text is None:
            raise Refused(f"{self.describe()}: user default may not run INFO", Reason.PERMISSION)
        return Info(self.info_text), replies

    def _unknown(self, command: Command) -> Refused:
        return Refused(f"{self.describe()}: has no command {' '.join(command)}", Reason.UNSUPPORTED)
