"""A Redis server that answers from captured replies, for tests without a server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, SourceError
from exporter.sources.redis.info import Info
from exporter.sources.redis.replies import right_of
from exporter.sources.redis.scan.fake import FakeAside
from exporter.sources.redis.scan.options import KeyOptions
from exporter.sources.redis.scan.survey import KeySurvey
from exporter.sources.redis.source import Command, Reply

INFO: Command = ("INFO",)


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
        search_indexes: as a real server's.
        key_options: as a real server's, to be set before `survey` is used.
        aside: what answers on the connection for background work.
    """

    def __init__(self, info: str | None = "", replies: Mapping[Any, Any] | None = None) -> None:
        self.info_text = info
        self.replies: dict[Command, Reply] = dict(replies or {})
        self.down: SourceError | None = None
        self.asked: list[Command] = []
        self.search_indexes = re.compile("")
        self.key_options = KeyOptions()
        self.aside = FakeAside()
        self._survey: KeySurvey | None = None

    @property
    def connect_seconds(self) -> float | None:
        """A connection that took a millisecond."""
        return None if self.down else 0.001

    @property
    def rights(self) -> Mapping[Command, Refused | None]:
        """What it was asked, and whether it knows that: one reply shows that the right is there."""
        found: dict[Command, Refused | None] = {} if self.info_text is None else {INFO: None}
        for command in self.asked:
            reply = self.replies.get(command, self._unknown(command))
            found.setdefault(right_of(command), reply if isinstance(reply, Refused) else None)
            if not isinstance(reply, Refused):
                found[right_of(command)] = None
        return found

    @property
    def survey(self) -> KeySurvey:
        """As a real server's, over the fake connection; close it."""
        if self._survey is None:
            self._survey = KeySurvey(self.aside, self.key_options, self.describe())
        return self._survey

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
