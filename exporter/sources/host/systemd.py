"""Asks systemd about its units over D-Bus: org.freedesktop.systemd1(5).

Imported when it is first needed: the D-Bus library takes memory, and most exporters don't use it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from jeepney import Message  # type: ignore[import-untyped]

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Refused
from exporter.sources.host.options import HostOptions
from exporter.sources.host.systemd_bus import Bus, call, get, signature, value
from exporter.sources.host.systemd_units import OF_MANAGER, OF_UNITS, Seen, Unit, kind

NAME = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
LISTED = "a(ssssssouso)"
"""What ListUnits answers: name, description, load state, active state, sub state, unit that it follows,
object path; then id, kind and path of its job."""
LOADED = "loaded"


class Listed(NamedTuple):
    """A line of ListUnits, as far as it is used."""

    name: str
    load: str
    state: str
    path: str


class Systemd:
    """Looks at systemd, with a connection of its own each time.

    Args:
        options: which units count, and where the bus is.
    """

    def __init__(self, options: HostOptions) -> None:
        self._bus = options.system_bus
        self._include = re.compile(options.systemd_unit_include)
        self._exclude = re.compile(options.systemd_unit_exclude)

    def look(self, deadline: Deadline) -> Seen:
        """All that is asked. It blocks, and ends with the deadline: for a thread.

        Raises:
            Skip: there is no system bus, no systemd on it, or this user may not connect.
            Unavailable: the bus does not take connections, or hung up.
            DeadlineExceeded: the units were not listed in time.
            Refused: systemd's answer is no, or not understood.
        """
        with Bus(self._bus, deadline) as bus:
            listed = self._listed(bus.ask(call(NAME, PATH, MANAGER, "ListUnits")))
            properties = bus.ask_all([get(NAME, PATH, MANAGER, name) for name in OF_MANAGER])
            manager = _known(OF_MANAGER, properties)
            units, error = _asked(bus, [unit for unit in listed if self._counts(unit)])
        return Seen(manager, Counter(unit.state for unit in listed), units, error)

    def _listed(self, answer: Message) -> Sequence[Listed]:
        """Each unit once."""
        if signature(answer) != LISTED:
            raise Refused(f"{self._bus}: {NAME} ListUnits: the answer is not a list of units")
        lines = (Listed(line[0], line[2], line[3], line[6]) for line in answer.body[0])
        return list({unit.name: unit for unit in lines}.values())

    def _counts(self, unit: Listed) -> bool:
        """Upstream's expressions match a whole name, so these do."""
        return (
            unit.load == LOADED
            and self._include.fullmatch(unit.name) is not None
            and self._exclude.fullmatch(unit.name) is None
        )


def _asked(bus: Bus, listed: Sequence[Listed]) -> tuple[list[Unit], DeadlineExceeded | None]:
    """The units with their properties, as many as there was time for."""
    questions = [question for unit in listed for question in _questions(unit)]
    answers = bus.ask_all(questions)
    units: list[Unit] = []
    try:
        for unit in listed:
            _, names = OF_UNITS.get(kind(unit.name), ("", ()))
            units.append(Unit(unit.name, unit.state, _known(names, answers)))
    except DeadlineExceeded as error:
        text = (
            f"{error}: {len(units)} of {len(listed)} units were asked; host.systemd_unit_include names fewer"
        )
        return units, DeadlineExceeded(text)
    return units, None


def _questions(unit: Listed) -> Iterator[Message]:
    interface, names = OF_UNITS.get(kind(unit.name), ("", ()))
    return (get(NAME, unit.path, interface, name) for name in names)


def _known(names: Iterable[str], answers: Iterator[Message | None]) -> Mapping[str, object]:
    """Takes an answer for each name; an older systemd lacks some properties."""
    values = ((name, value(answer)) for name, answer in zip(names, answers, strict=False))
    return {name: found for name, found in values if found is not None}
