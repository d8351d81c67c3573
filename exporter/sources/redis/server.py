"""A Redis server as a source: one kept connection, one round trip for all who ask at the same time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, SourceError, Unavailable
from exporter.sources.gate import Gate
from exporter.sources.redis.connection import RedisConnection, open_connection
from exporter.sources.redis.info import Info
from exporter.sources.redis.options import RedisOptions, address_of
from exporter.sources.redis.replies import right_of
from exporter.sources.redis.scan.options import KeyOptions
from exporter.sources.redis.source import Command, Reply
from exporter.sources.updown import UpDown

if TYPE_CHECKING:
    from exporter.sources.redis.scan.survey import KeySurvey

INFO: Command = ("INFO",)
INFO_ALL: Command = ("INFO", "ALL")
REMEMBERED = (Reason.PERMISSION, Reason.UNSUPPORTED)


class NotAnswering(Unavailable):
    """It was asked, and has not answered in time: asking again would not help."""


class _Batch:
    """Commands that go out together: distinct ones, in the order of asking."""

    def __init__(self) -> None:
        self.commands: dict[Command, None] = {}
        self.until = 0.0
        self.task: asyncio.Task[dict[Command, Reply] | SourceError]


class RedisServer:
    """One Redis server (or Valkey, KeyDB, ...), asked over one connection.

    Opened when first asked. After a failure the next call opens it anew; see `Gate` for what a call
    costs while the server hangs.

    Args:
        options: where it is, and the login.
        log: gets one line when the server is lost and one when it is back.

    Attributes:
        options: as given.
        address: where it is, without user or password: "localhost:6379".
    """

    def __init__(self, options: RedisOptions, log: Any = None) -> None:
        self.options = options
        self.address = address_of(options).where
        self._name = f"redis at {self.address}"
        self._state = UpDown(self._name, log)
        self._gate: Gate[RedisConnection] = Gate(
            self._open, self._name, attempt_seconds=options.connect_timeout_seconds
        )
        self._busy = asyncio.Lock()
        self._gathering: _Batch | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._connection: RedisConnection | None = None
        self._info: tuple[Reply, Info] | None = None
        self._survey: KeySurvey | None = None

    def describe(self) -> str:
        """Names the server for people, without a secret: "redis at localhost:6379"."""
        return self._name

    @property
    def connect_seconds(self) -> float | None:
        """How long the open connection took to be opened; None while there is none."""
        return self._connection.seconds if self._connection else None

    @property
    def refusals(self) -> tuple[Refused, ...]:
        """What the server has refused on the open connection, with the remedy: asked only once."""
        return tuple(self._connection.refused.values()) if self._connection else ()

    @property
    def rights(self) -> Mapping[Command, Refused | None]:
        """What commands have shown on the open connection, by the right: the refusal, or None for allowed."""
        connection = self._connection
        return {**dict.fromkeys(connection.allowed), **connection.refused} if connection else {}

    @property
    def search_indexes(self) -> re.Pattern[str]:
        """Found in the names of the search indexes that are collected."""
        return self.options.search_indexes

    @property
    def key_options(self) -> KeyOptions:
        """What is asked about keys."""
        return self.options.keys

    @property
    def survey(self) -> KeySurvey:
        """What walks the server's keys in the background, over a connection of its own."""
        if self._survey is None:
            from exporter.sources.redis.scan.connection import Aside  # noqa: PLC0415
            from exporter.sources.redis.scan.survey import KeySurvey  # noqa: PLC0415  # few ask about keys

            self._survey = KeySurvey(Aside(self.options), self.options.keys, self._name)
        return self._survey

    async def fetch(self, commands: Sequence[Command], deadline: Deadline) -> list[Reply]:
        """The reply of each command; a refused one is a `Refused` in its place.

        Calls that come before the commands go out share one round trip, and ask for the same thing once.

        Args:
            commands: each a tuple of words. They must only read: one that is lost with a
                connection that died unnoticed is sent again.
            deadline: the call ends then, whatever the server does.

        Raises:
            Unavailable: the server can't be reached, or has not answered in time.
            Refused: it refused the login.
        """
        batch = self._join(commands, deadline)
        await asyncio.wait({batch.task}, timeout=deadline.left())
        if not batch.task.done():
            raise self._silent()
        if batch.task.cancelled():
            raise Unavailable(f"{self._name}: closed")
        replies = batch.task.result()
        if isinstance(replies, SourceError):
            raise replies.with_traceback(None)
        return [replies[command] for command in commands]

    async def info(self, deadline: Deadline) -> Info:
        """The reply of INFO ALL, taken apart once for all who ask in one round trip.

        Raises:
            SourceError: as `fetch`; also when INFO is refused, as while a script runs.
        """
        return (await self.info_with((), deadline))[0]

    async def info_with(self, commands: Sequence[Command], deadline: Deadline) -> tuple[Info, list[Reply]]:
        """The reply of INFO ALL as `info` gives it, and those of more commands as `fetch` gives them."""
        reply, *others = await self.fetch([INFO_ALL, *commands], deadline)
        if not reply or (isinstance(reply, Refused) and reply.reason is Reason.ERROR):
            (reply,) = await self.fetch([INFO], deadline)  # some proxies know no sections
        if isinstance(reply, Refused):
            raise reply.with_traceback(None)
        if self._info is None or self._info[0] is not reply:
            self._info = (reply, Info(str(reply)))
        return self._info[1], others

    async def close(self) -> None:
        """Closes the connection and ends what is under way; calls from now on are `Unavailable`."""
        for task in self._running:
            task.cancel()
        self._gate.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._survey is not None:
            await self._survey.close()

    def _join(self, commands: Sequence[Command], deadline: Deadline) -> _Batch:
        batch = self._gathering
        if batch is None:
            batch = self._gathering = _Batch()
            batch.task = asyncio.create_task(self._run(batch), name=f"ask {self._name}")
            self._running.add(batch.task)
            batch.task.add_done_callback(self._running.discard)
        batch.commands.update(dict.fromkeys(commands))
        batch.until = max(batch.until, deadline.at)
        return batch

    async def _run(self, batch: _Batch) -> dict[Command, Reply] | SourceError:
        async with self._busy:
            self._gathering = None
            deadline = Deadline(batch.until)
            if not deadline.left():
                return self._silent()
            try:
                return await self._ask(list(batch.commands), deadline)
            except SourceError as error:
                self._state.down(error)
                return error

    async def _ask(self, commands: Sequence[Command], deadline: Deadline) -> dict[Command, Reply]:
        connection = await self._enter(deadline)
        try:
            return await self._exchange(connection, commands, deadline)
        except Unavailable as error:
            if not connection.used or isinstance(error, NotAnswering):
                raise
        # It may have died while nobody looked: the server was restarted, or closed it as idle.
        connection = await self._enter(deadline)
        return await self._exchange(connection, commands, deadline)

    async def _enter(self, deadline: Deadline) -> RedisConnection:
        connection = await self._gate.enter(deadline)
        if monotonic() - connection.opened_at > self.options.max_age_seconds:
            self._drop(connection)
            connection = await self._gate.enter(deadline)
        return connection

    async def _exchange(
        self, connection: RedisConnection, commands: Sequence[Command], deadline: Deadline
    ) -> dict[Command, Reply]:
        done = False
        try:
            async with asyncio.timeout_at(deadline.at):
                replies = await _ask_what_is_allowed(connection, commands)
            if not all(_fits(*answer) for answer in replies.items()):
                raise Unavailable(f"{self._name}: its answer to INFO is none: is it a Redis server?")
            done = connection.used = True
        except TimeoutError:
            silent = self._silent()
            self._drop(connection, silent)
            raise silent from None
        finally:
            if not done:
                self._drop(connection)
        info = replies.get(INFO_ALL)
        if isinstance(info, Refused) and info.reason is Reason.UNAVAILABLE:
            self._state.down(info)  # busy with a script: nobody else would say so
        else:
            self._state.up()
        return replies

    async def _open(self) -> RedisConnection:
        self._connection = await open_connection(self.options)
        return self._connection

    def _drop(self, connection: RedisConnection, hanging: SourceError | None = None) -> None:
        connection.close()
        if self._gate.lost(connection, hanging):
            self._connection = None

    def _silent(self) -> NotAnswering:
        return NotAnswering(f"{self._name}: not answering")


def _fits(command: Command, reply: Reply) -> bool:
    """Whether a reply can be one to its command: to INFO, text with fields.

    If it is not, this is no Redis, or replies have slipped and those to other commands are as wrong. Some
    proxies know no sections, and answer INFO ALL with nothing.
    """
    if command not in (INFO_ALL, INFO) or isinstance(reply, Refused):
        return True
    return isinstance(reply, str) and (":" in reply or (not reply and command == INFO_ALL))


async def _ask_what_is_allowed(
    connection: RedisConnection, commands: Sequence[Command]
) -> dict[Command, Reply]:
    """Sends what is not known to be refused: each refusal would raise the server's own error counters.

    Of commands that take the same right, and have not shown yet whether it is there, one goes ahead.
    """
    replies: dict[Command, Reply] = {}
    waiting = list(commands)
    while waiting:
        ahead, behind = _split(connection, waiting, replies)
        for command, reply in zip(ahead, await connection.exchange(ahead) if ahead else (), strict=True):
            replies[command] = reply
            if isinstance(reply, Refused) and reply.reason in REMEMBERED:
                connection.refused[right_of(command)] = reply
            else:
                connection.allowed.add(right_of(command))
        waiting = behind
    return replies


def _split(
    connection: RedisConnection, commands: Sequence[Command], replies: dict[Command, Reply]
) -> tuple[list[Command], list[Command]]:
    ahead: list[Command] = []
    behind: list[Command] = []
    trying: set[Command] = set()
    for command in commands:
        right = right_of(command)
        if (refused := connection.refused.get(right)) is not None:
            replies[command] = refused
        elif right in trying:
            behind.append(command)
        else:
            ahead.append(command)
            if right not in connection.allowed:
                trying.add(right)
    return ahead, behind
