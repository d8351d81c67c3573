"""One connection to a Redis server: opens, exchanges commands for replies, closes at once.

redis-py does the protocol. Its login, its retries and its timeouts are left out: a connection here has
one owner, who gives it a deadline and throws it away when that has passed. RESP2, because every
server speaks it and its login is one command.
"""

from __future__ import annotations

import os
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    RedisError,
    ResponseError,
)

from exporter.model.errors import Refused, Unavailable
from exporter.sources.redis.options import Address, RedisOptions, address_of
from exporter.sources.redis.replies import LoginRefused, refusal
from exporter.sources.redis.scan.replies import Raw, RawCommand
from exporter.sources.redis.source import Command, Reply

ANSWER_BYTES = 16 << 20
"""What one round trip may give. CLIENT LIST of 10,000 clients has 4 MB."""


class _Bounded:
    """What the parser reads from: ends an answer that has no end, before memory does."""

    def __init__(self, stream: StreamReader) -> None:
        self._stream = stream
        self.left = ANSWER_BYTES

    async def read(self, size: int) -> bytes:
        part = await self._stream.read(size)
        self.left -= len(part)
        if self.left < 0:
            raise OSError(f"its answer is longer than {ANSWER_BYTES >> 20} MiB")
        return part


class _Abortable(AbstractConnection):
    """A connection without a login of its own, that can be closed without waiting for anything."""

    _parser: Any
    _reader: Any
    _writer: StreamWriter | None

    async def on_connect(self) -> None:
        self._reader = _Bounded(self._reader)
        self._parser.on_connect(self)

    async def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: ARG002
        await self.on_connect()

    async def send(self, packed: list[bytes]) -> None:
        """Sends commands; the bytes of what comes back are counted from now on."""
        if self._reader is not None:
            self._reader.left = ANSWER_BYTES
        await self.send_packed_command(packed, check_health=False)

    @property
    def leftover(self) -> bool:
        """Whether something has come that belongs to no command."""
        return bool(self._parser._reader.has_data())  # noqa: SLF001 - redis-py has no such question

    async def open(self) -> None:
        untyped: Any = self
        await untyped.connect()

    def abort(self) -> None:
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            # close() would wait for the peer to end TLS, and for what is not sent yet.
            writer.transport.abort()


class _Tcp(_Abortable, Connection):
    pass


class _Unix(_Abortable, UnixDomainSocketConnection):
    pass


class _Tls(_Abortable, SSLConnection):
    server_name: str | None = None

    def _connection_arguments(self) -> Mapping[str, Any]:
        arguments = dict(super()._connection_arguments())
        if self.server_name is not None:
            arguments["server_hostname"] = self.server_name
        return arguments


class RedisConnection:
    """An open connection, as `open_connection` makes it.

    Attributes:
        opened_at: when, on the monotonic clock.
        seconds: how long it took to connect, log in and get the first answer.
        used: whether an exchange on it has succeeded.
        refused: what this server refuses to this user, by the right that it takes: not asked again.
        allowed: the rights that have been shown to be there.
    """

    def __init__(self, wire: _Abortable, address: Address) -> None:
        self._wire = wire
        self._where = address.where
        self._user = address.username or "default"
        self.opened_at = monotonic()
        self.seconds = 0.0
        self.used = False
        self.refused: dict[Command, Refused] = {}
        self.allowed: set[Command] = set()
        self._packed: tuple[Sequence[Command], list[bytes]] = ((), [])

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Sends all commands at once, and reads the reply of each.

        A cancelled or failed exchange leaves the connection unusable: close it.

        Raises:
            Unavailable: the connection is gone, or what came is no answer to that.
            LoginRefused: this connection is not, or no more, logged in.
        """
        if commands != self._packed[0]:  # most scrapes ask for the same
            self._packed = (commands, self._wire.pack_commands(commands))
        return await self._exchange(self._packed[1], commands)

    async def exchange_raw(self, commands: Sequence[RawCommand]) -> list[Raw]:
        """The same, but keys and values stay bytes: they need not be text."""
        return await self._exchange(self._wire.pack_commands(commands), commands, raw=True)

    async def _exchange(
        self, packed: list[bytes], commands: Sequence[Any], *, raw: bool = False
    ) -> list[Any]:
        try:
            await self._wire.send(packed)
            replies = [await self._read(command, raw=raw) for command in commands]
        except (RedisError, OSError, ValueError, MemoryError) as error:  # the last two: no error of Redis's
            raise Unavailable(f"redis at {self._where}: connection lost: {_cause(error)}") from error
        if self._wire.leftover:
            raise Unavailable(f"redis at {self._where}: more replies than commands: a proxy mixes them up")
        return replies

    async def _read(self, command: Any, *, raw: bool) -> Any:
        try:
            return await self._wire.read_response(disable_decoding=raw, disconnect_on_error=False)
        except (ResponseError, BusyLoadingError, AuthenticationError) as error:
            refused = refusal(error, command, self._where, self._user)
            if isinstance(refused, LoginRefused):
                raise refused from None
            return refused

    def close(self) -> None:
        """Closes it now, whatever is under way."""
        self._wire.abort()


async def open_connection(options: RedisOptions) -> RedisConnection:
    """Connects, logs in, and waits for the first answer: a frozen server accepts connections, too.

    Raises:
        Unavailable: it can't be reached, or has no place for another client.
        Refused: the login was refused, or is missing.
    """
    address, started = address_of(options), monotonic()
    wire = _wire(options, address)
    connection = RedisConnection(wire, address)
    try:
        try:
            await wire.open()
        except RedisError as error:
            raise Unavailable(f"redis at {address.where}: {_cause(error)}") from error
        await _log_in(connection, address, options.client_name)
    except BaseException:
        connection.close()
        raise
    connection.seconds = monotonic() - started
    return connection


async def _log_in(connection: RedisConnection, address: Address, client_name: str) -> None:
    hello: list[Command] = []
    if address.password is not None:
        login = (address.username, address.password) if address.username else (address.password,)
        hello.append(("AUTH", *login))
    hello += [("CLIENT", "SETNAME", client_name), ("PING",)]
    replies = await connection.exchange(hello)
    # The name and even PING may be refused by the ACL or while loading: it is the answer that counts.
    if isinstance(replies[0], Refused) and hello[0][0] == "AUTH":
        raise replies[0]


def _cause(error: Exception) -> str:
    """What the system said, where redis-py's sentence only wraps it."""
    cause = error.__context__ if isinstance(error, RedisError) else error
    if isinstance(cause, ConnectionError | FileNotFoundError | PermissionError) and cause.errno:
        return os.strerror(cause.errno)
    return str(cause if isinstance(cause, OSError) else error) or type(error).__name__


def _wire(options: RedisOptions, address: Address) -> _Abortable:
    common: dict[str, Any] = {
        "protocol": 2,
        "decode_responses": True,
        "encoding_errors": "backslashreplace",
        "socket_timeout": None,
        "socket_connect_timeout": None,
    }
    if address.path:
        return _Unix(path=address.path, **common)
    common |= {"host": address.host, "port": address.port}
    if not address.tls:
        return _Tcp(**common)
    tls = options.tls
    wire = _Tls(
        ssl_ca_certs=tls.ca_file,
        ssl_certfile=tls.cert_file,
        ssl_keyfile=tls.key_file,
        ssl_cert_reqs="required" if tls.verify else "none",
        ssl_check_hostname=tls.verify,
        **common,
    )
    wire.server_name = tls.server_name
    return wire
