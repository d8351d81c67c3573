"""A second connection to a Redis server, for work in the background. Keys and values stay bytes.

Whatever is asked here, the connection that scrapes use is not kept waiting by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from typing import Protocol

from exporter.model.errors import Reason, Refused, Unavailable
from exporter.sources.redis.connection import RedisConnection, open_connection
from exporter.sources.redis.options import RedisOptions, address_of
from exporter.sources.redis.replies import LoginRefused, right_of
from exporter.sources.redis.scan.replies import Raw, RawCommand
from exporter.sources.redis.source import Command

ANSWER_SECONDS = 10.0
"""How long an answer may take before the connection is given up."""
REMEMBERED = (Reason.PERMISSION, Reason.UNSUPPORTED)


class Asked(Protocol):
    """What the walk over the keys needs of a server; the fake offers the same."""

    @property
    def number(self) -> int | None:
        """The number of the open connection, None while there is none: a new one may lead elsewhere."""

    @property
    def refusals(self) -> Sequence[Refused]:
        """What this server does not offer to this user."""

    async def ask(self, commands: Sequence[RawCommand], database: int = 0) -> list[Raw]:
        """The reply of each command; a refused one is a `Refused` in its place."""

    def close(self) -> None:
        """Closes the connection; the next `ask` opens another."""


class Aside:
    """A connection of its own, opened when first asked, and anew after a failure.

    One call at a time.

    Args:
        options: where the server is, and the login.
    """

    def __init__(self, options: RedisOptions) -> None:
        self._options = replace(options, client_name=f"{options.client_name}-keys")
        address = address_of(options)
        self._where, self._user = address.where, address.username or "default"
        self._connection: RedisConnection | None = None
        self._database = 0
        self._opened = 0

    @property
    def number(self) -> int | None:
        """The number of the open connection, None while there is none: a new one may lead elsewhere.

        One that is so old that rights may have been granted since is closed here.
        """
        connection = self._connection
        if connection is not None and monotonic() - connection.opened_at > self._options.max_age_seconds:
            self.close()
        return None if self._connection is None else self._opened

    @property
    def refusals(self) -> Sequence[Refused]:
        """What this server does not offer to this user, with the remedy: asked once for a connection."""
        refused = self._connection.refused if self._connection else {}
        return [error for right, error in refused.items() if right[0] != "CLIENT"]

    async def ask(self, commands: Sequence[RawCommand], database: int = 0) -> list[Raw]:
        """The reply of each command; a refused one is a `Refused` in its place.

        Args:
            commands: they must only read.
            database: where the keys are.

        Raises:
            Unavailable: the server can't be reached, or has not answered in time.
            Refused: it refused the login, or the database.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS + self._options.connect_timeout_seconds):
                connection = self._connection or await self._open()
                await self._select(connection, database)
                return await self._known_rights(connection, commands)
        except TimeoutError:
            self.close()
            raise Unavailable(f"redis at {self._where}: not answering") from None
        except BaseException as error:
            if not isinstance(error, Refused) or isinstance(error, LoginRefused):
                self.close()
            raise

    def close(self) -> None:
        """Closes the connection now; the next `ask` opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _open(self) -> RedisConnection:
        try:
            async with asyncio.timeout(self._options.connect_timeout_seconds):
                self._connection = await open_connection(self._options)
        except OSError as error:
            raise Unavailable(f"redis at {self._where}: {str(error) or 'no answer'}") from error
        self._database = 0
        self._opened += 1
        return self._connection

    async def _select(self, connection: RedisConnection, database: int) -> None:
        if database == self._database:
            return
        (reply,) = await self._exchange(connection, [("SELECT", str(database))])
        if isinstance(reply, Refused):
            raise reply
        self._database = database

    async def _known_rights(self, connection: RedisConnection, commands: Sequence[RawCommand]) -> list[Raw]:
        """Of those whose right is not known yet one goes ahead: each refusal raises the server's counters."""
        rights = [_right(command) for command in commands]
        unknown = {right: command for command, right in zip(commands, rights, strict=True)}
        ahead = {r: c for r, c in unknown.items() if r not in connection.allowed | connection.refused.keys()}
        if ahead and len(ahead) < len(commands):
            await self._known_rights(connection, list(ahead.values()))
        sent = [c for c, right in zip(commands, rights, strict=True) if right not in connection.refused]
        replies = iter(await self._exchange(connection, sent) if sent else ())
        return [connection.refused[r] if r in connection.refused else next(replies) for r in rights]

    async def _exchange(self, connection: RedisConnection, commands: Sequence[RawCommand]) -> list[Raw]:
        replies = await connection.exchange_raw(commands)
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(reply, Refused) and reply.reason in REMEMBERED:
                connection.refused[_right(command)] = reply
            else:
                connection.allowed.add(_right(command))
        return replies


def _right(command: RawCommand) -> Command:
    return right_of(_text(command))


def _text(command: RawCommand) -> Command:
    """The words in front of the keys."""
    return tuple(word for word in command if isinstance(word, str))
