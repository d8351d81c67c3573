"""A connection to a D-Bus message bus, for questions alone: opened for a run, closed after it.

jeepney writes and reads the messages. The socket is ours, because a bus may accept a connection and then
never answer, and jeepney's own greeting waits for it without end. For a thread: each wait blocks.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from jeepney import (  # type: ignore[import-untyped]
    DBusAddress,
    HeaderFields,
    Message,
    MessageFlag,
    MessageType,
    Parser,
    new_method_call,
)
from jeepney.auth import BEGIN, Authenticator  # type: ignore[import-untyped]
from jeepney.bus_messages import message_bus  # type: ignore[import-untyped]

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Refused, Skip, Unavailable

T = TypeVar("T")

AT_ONCE = 32
"""Questions on their way at a time: the system bus lets a connection have 128."""
CHUNK_BYTES = 65_536
MOST_BYTES = 32 * 1024 * 1024
"""The longest answer that is taken: a hundred times what a thousand units need."""

MOST_QUOTED = 200
"""Characters of what a bus says against a login."""

DAMAGED = (ValueError, KeyError, IndexError, TypeError, AssertionError, struct.error, RecursionError)
"""What jeepney raises where bytes are no message."""

ABSENT = frozenset({"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner"})
DENIED = frozenset({"org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.AuthFailed"})

PROPERTIES = "org.freedesktop.DBus.Properties"


def call(destination: str, path: str, interface: str, method: str, *texts: str) -> Message:
    """A question, which starts nobody who is not there."""
    address = DBusAddress(path, bus_name=destination, interface=interface)
    message = new_method_call(address, method, "s" * len(texts) or None, texts)
    message.header.flags |= MessageFlag.no_auto_start
    return message


def get(destination: str, path: str, interface: str, name: str) -> Message:
    """The question for one property."""
    return call(destination, path, PROPERTIES, "Get", interface, name)


def value(reply: Message | None) -> object:
    """The value of a property; None where there is none."""
    return reply.body[0][1] if reply is not None and signature(reply) == "v" else None


def signature(reply: Message) -> str:
    """What an answer consists of."""
    return str(reply.header.fields.get(HeaderFields.signature, ""))


class Bus:
    """A connection to a bus; a context.

    Args:
        path: the bus's socket.
        deadline: when the whole conversation must be over.

    Raises:
        Skip: there is no bus, or this user may not connect to it.
        Unavailable: it does not take connections, or hung up.
        DeadlineExceeded: it does not answer.
        Refused: it does not let this user in, or what came is no D-Bus.
    """

    def __init__(self, path: str, deadline: Deadline) -> None:
        self._path = path
        self._deadline = deadline
        self._parser = Parser()
        self._serial = 0
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._greet()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, question: Message) -> Message:
        """The answer.

        Raises:
            Skip: whom it is for is not on this bus.
            Refused: the answer is no.
        """
        (answer,) = self._together([question])
        if answer.header.message_type is not MessageType.error:
            return answer
        name = answer.header.fields.get(HeaderFields.error_name, "")
        of = question.header.fields
        what = f"{self._path}: {of[HeaderFields.destination]} {of[HeaderFields.member]}"
        if name in ABSENT:
            raise Skip(Reason.UNSUPPORTED, f"{what}: nobody of this name is on the bus")
        reason = Reason.PERMISSION if name in DENIED else Reason.ERROR
        raise Refused(f"{what}: {name}: {_text(answer)}", reason)

    def ask_all(self, questions: Sequence[Message]) -> Iterator[Message | None]:
        """The answers in the order of the questions, some at a time; None for an error."""
        for start in range(0, len(questions), AT_ONCE):
            for answer in self._together(questions[start : start + AT_ONCE]):
                yield None if answer.header.message_type is MessageType.error else answer

    def _greet(self) -> None:
        self._wait(os.stat, self._path)  # a path too long for a socket can be missing as well
        self._wait(self._socket.connect, self._path)
        self._wait(self._socket.sendall, b"\0")
        login = Authenticator(inc_null_byte=False)
        try:
            for line in login:
                self._wait(self._socket.sendall, line)
                login.feed(self._received())
        except ValueError as error:
            text = f"{self._path}: the bus does not let the exporter's user in: {str(error)[:MOST_QUOTED]}"
            raise Refused(text, Reason.PERMISSION) from error
        self._wait(self._socket.sendall, BEGIN)
        self.ask(message_bus.Hello())

    def _together(self, questions: Sequence[Message]) -> list[Message]:
        first = self._serial + 1
        self._serial += len(questions)
        data = b"".join(message.serialise(serial) for serial, message in enumerate(questions, first))
        self._wait(self._socket.sendall, data)
        answers: dict[int, Message] = {}
        while len(answers) < len(questions):
            message = self._next()
            serial = message.header.fields.get(HeaderFields.reply_serial, 0)
            if first <= serial <= self._serial:  # signals have none
                answers[serial] = message
        return [answers[serial] for serial in range(first, self._serial + 1)]

    def _next(self) -> Message:
        try:
            while (message := self._parser.get_next_message()) is None:
                if self._parser.bytes_desired() > MOST_BYTES:
                    raise Refused(f"{self._path}: an answer of more than {MOST_BYTES} bytes is not taken")
                self._parser.add_data(self._received())
        except DAMAGED as error:
            raise Refused(f"{self._path}: what came is no D-Bus message") from error
        return message

    def _received(self) -> bytes:
        data = self._wait(self._socket.recv, CHUNK_BYTES)
        if not data:
            raise Unavailable(f"{self._path}: the bus hung up")
        return data

    def _wait(self, function: Callable[[Any], T], argument: object) -> T:
        try:
            if not (left := self._deadline.left()):
                raise TimeoutError  # noqa: TRY301 - a bus that never ends talking does not wait either
            self._socket.settimeout(left)
            return function(argument)
        except TimeoutError as error:
            raise DeadlineExceeded(f"{self._path}: the bus did not answer in time") from error
        except (FileNotFoundError, NotADirectoryError) as error:
            text = f"{self._path}: no such socket: no system bus, or not mounted here (host.systemd_bus)"
            raise Skip(Reason.UNSUPPORTED, text) from error
        except PermissionError as error:
            text = f"{self._path}: the exporter's user may not connect"
            raise Skip(Reason.PERMISSION, text) from error
        except OSError as error:
            raise Unavailable(f"{self._path}: no connection to the bus: {error.strerror or error}") from error


def _text(answer: Message) -> str:
    """What an error says for people."""
    first = next(iter(answer.body), "")
    return first if isinstance(first, str) else ""
