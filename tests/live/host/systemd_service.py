"""A stand-in for systemd on a bus, written from its documentation: org.freedesktop.systemd1(5).

It answers what the collector asks: ListUnits, and the properties that the manual names with their types. What
a real systemd never does is up to the test: it holds back answers, gives others, or says no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

from jeepney import (  # type: ignore[import-untyped]
    HeaderFields,
    Message,
    MessageType,
    new_error,
    new_method_return,
)
from jeepney.bus_messages import message_bus  # type: ignore[import-untyped]
from jeepney.io.blocking import DBusConnection, open_dbus_connection  # type: ignore[import-untyped]

NAME = "org.freedesktop.systemd1"
LISTED = "a(ssssssouso)"
PROPERTIES: Mapping[str, tuple[str, object]] = {
    "Version": ("s", "257.9-1"),
    "SystemState": ("s", "running"),
    "Virtualization": ("s", ""),
    "Type": ("s", "notify"),
    "NRestarts": ("u", 3),
    "NAccepted": ("u", 4),
    "NConnections": ("u", 1),
    "LastTriggerUSec": ("t", 1_700_000_000_500_000),
}
"""Without NRefused, as before systemd 239."""

UnitLine = tuple[str, str, str, str, str, str, str, int, str, str]


def unit(name: str, state: str = "active", load: str = "loaded") -> UnitLine:
    """A line of ListUnits."""
    path = "/org/freedesktop/systemd1/unit/" + "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in name)
    return (name, f"The unit {name}", load, state, "running", "", path, 0, "", "/")


class Service:
    """Has the name on a bus while it is a context.

    Args:
        bus: the bus's socket.
        units: what it lists.
        properties: over those above; None for one that it lacks.
        listed: the type and value of another answer to ListUnits.
        error: the name of the error that it answers ListUnits with.
        silent_after: how many questions it answers.
    """

    def __init__(
        self,
        bus: Path,
        units: Sequence[UnitLine] = (),
        *,
        properties: Mapping[str, tuple[str, object] | None] | None = None,
        listed: tuple[str, object] | None = None,
        error: str = "",
        silent_after: int | None = None,
    ) -> None:
        self._bus = bus
        self._properties = {**PROPERTIES, **(properties or {})}
        self._listed = listed or (LISTED, list(units))
        self._error = error
        self._left = silent_after
        self._stop = Event()
        self._thread = Thread(target=self._serve)
        self._connection: DBusConnection
        self.asked: list[tuple[str, ...]] = []

    def __enter__(self) -> Self:
        self._connection = open_dbus_connection(f"unix:path={self._bus}")
        self._connection.send_and_get_reply(message_bus.RequestName(NAME), timeout=5)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        with suppress(ConnectionError):  # the bus was killed
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    message = self._connection.receive(timeout=0.02)
                    if message.header.message_type is MessageType.method_call:
                        self._answer(message)

    def _answer(self, message: Message) -> None:
        if self._left is not None:
            if not self._left:
                return
            self._left -= 1
        member = message.header.fields[HeaderFields.member]
        self.asked.append((member, *message.body))
        self._connection.send(self._list(message) if member == "ListUnits" else self._get(message))

    def _list(self, message: Message) -> Message:
        if self._error:
            return new_error(message, self._error, "s", ("The answer is no",))
        signature, value = self._listed
        return new_method_return(message, signature, (value,))

    def _get(self, message: Message) -> Message:
        known: Any = self._properties.get(message.body[1])
        if known is None:
            error = "org.freedesktop.DBus.Error.UnknownProperty"
            return new_error(message, error, "s", ("Unknown property",))
        return new_method_return(message, "v", (known,))
