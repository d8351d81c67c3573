"""What is known of systemd's units, and what is asked of which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from exporter.model.errors import DeadlineExceeded

OF_MANAGER = ("Version", "SystemState", "Virtualization")
OF_UNITS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "service": ("org.freedesktop.systemd1.Service", ("Type", "NRestarts")),
    "mount": ("org.freedesktop.systemd1.Mount", ("Type",)),
    "socket": ("org.freedesktop.systemd1.Socket", ("NAccepted", "NConnections", "NRefused")),
    "timer": ("org.freedesktop.systemd1.Timer", ("LastTriggerUSec",)),
}
"""What is asked of units beyond the list of them: kind -> interface, and its properties."""


class Unit(NamedTuple):
    r"""A unit that the filters let through.

    Attributes:
        name: as systemd writes it: `postgresql@15-main.service`, `dev-disk-by\x2duuid.device`.
        state: its active state.
        properties: of `OF_UNITS`, those that it has: integers and texts.
    """

    name: str
    state: str
    properties: Mapping[str, object]

    @property
    def kind(self) -> str:
        """`service`, `socket`, ..."""
        return kind(self.name)


class Seen(NamedTuple):
    """What one look at systemd gave.

    Attributes:
        manager: of `OF_MANAGER`, the properties that it has: texts.
        states: active state -> units in it, of all units.
        units: those that the filters let through, as far as they were asked.
        error: why some were not asked; None if all were.
    """

    manager: Mapping[str, object]
    states: Mapping[str, int]
    units: Sequence[Unit]
    error: DeadlineExceeded | None = None


def kind(name: str) -> str:
    """The kind of unit that a name says: `service`, `socket`, ..."""
    return name.rpartition(".")[2]
