"""systemd's units: their states, restarts, sockets and timers, from its D-Bus interface."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial
from exporter.model.metric import Metric, counter, gauge
from exporter.model.table import Column, Table, Value, info, single
from exporter.sources.host import Aside, Host
from exporter.sources.host.systemd_units import OF_UNITS, Seen, Unit

EVERY_SECONDS = 30.0
BUS_SECONDS = 10.0
"""The longest that one look may take."""
MARGIN_SECONDS = 0.2
"""What the look ends before its time is up, so that its own words say why."""

NAME = ("name",)

UNITS = gauge("node_systemd_units", "Units by state, those that are not shown one by one too.", ("state",))
UNIT_STATE = gauge(
    "node_systemd_unit_state",
    "1 for the state that the unit is in, 0 for the others.",
    ("name", "state", "type"),
)
RESTARTS = counter(
    "node_systemd_service_restart_total",
    "How often systemd has restarted the service by itself since it was last started otherwise.",
    NAME,
)
ACCEPTED = counter(
    "node_systemd_socket_accepted_connections_total", "Connections that the socket has taken.", NAME
)
CONNECTIONS = gauge("node_systemd_socket_current_connections", "Open connections of the socket.", NAME)
REFUSED = gauge(
    "node_systemd_socket_refused_connections_total",
    "Connections that the socket has refused; a gauge, as upstream has it.",
    NAME,
)
LAST_TRIGGER = gauge(
    "node_systemd_timer_last_trigger_seconds",
    "When the timer last went off as Unix time; 0 if it never has.",
    NAME,
)
RUNNING = gauge("node_systemd_system_running", "1 if the system is up and no unit has failed, else 0.")
VERSION = gauge("node_systemd_version", "Version of systemd.", ("version",))
VIRTUALIZATION = gauge(
    "node_systemd_virtualization_info",
    "Always 1; its label is what systemd says that the machine runs in.",
    ("virtualization_type",),
)

STATES = ("active", "activating", "deactivating", "inactive", "failed")
"""Those that each unit has a sample of; a unit in another one has 0 in all of them."""

NUMBER = re.compile(r"\d{3,}(\.\d+)?")
"""What is a number in `252.39-1~deb12u2`."""


def _count(name: str) -> Callable[[Unit], Value]:
    return lambda unit: _integer(unit.properties.get(name))


def _last_trigger(unit: Unit) -> Value:
    microseconds = _integer(unit.properties.get("LastTriggerUSec"))
    return None if microseconds is None else microseconds / 1e6


OF_KINDS: Mapping[str, Mapping[Metric, Callable[[Unit], Value]]] = {
    "service": {RESTARTS: _count("NRestarts")},
    "socket": {
        ACCEPTED: _count("NAccepted"),
        CONNECTIONS: _count("NConnections"),
        REFUSED: _count("NRefused"),
    },
    "timer": {LAST_TRIGGER: _last_trigger},
}


def tables(seen: Seen) -> list[Table]:
    """The tables of one look."""
    counts = dict.fromkeys(STATES, 0) | dict(seen.states)
    by_state = Table(UNITS.labels, [(state,) for state in counts], [Column(UNITS, list(counts.values()))])
    of_kinds = [
        _of_kind([unit for unit in seen.units if unit.kind == kind], metrics)
        for kind, metrics in OF_KINDS.items()
    ]
    return [*_of_manager(seen.manager), by_state, _unit_states(seen.units), *of_kinds]


def _unit_states(units: Iterable[Unit]) -> Table:
    typed = [(unit.name, unit.state, _text(unit.properties.get("Type"))) for unit in units]
    rows = [(name, state, kind) for name, _, kind in typed for state in STATES]
    values = [int(state == now) for _, now, _ in typed for state in STATES]
    return Table(UNIT_STATE.labels, rows, [Column(UNIT_STATE, values)])


def _of_kind(units: Sequence[Unit], metrics: Mapping[Metric, Callable[[Unit], Value]]) -> Table:
    columns = [Column(metric, list(map(of, units))) for metric, of in metrics.items()]
    return Table(NAME, [(unit.name,) for unit in units], columns)


def _of_manager(manager: Mapping[str, object]) -> list[Table]:
    found = []
    version = _text(manager.get("Version"))
    if number := NUMBER.search(version):
        found.append(Table(VERSION.labels, [(version,)], [Column(VERSION, (float(number[0]),))]))
    if "SystemState" in manager:
        found.append(single({RUNNING: int(manager["SystemState"] == "running")}))
    if "Virtualization" in manager:
        kind = _text(manager["Virtualization"]) or "none"
        found.append(info(VIRTUALIZATION, {"virtualization_type": kind}))
    return found


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def build(host: Host) -> Collect:
    """Asks in a thread: reading a thousand answers takes a while.

    The collecting function raises `Partial` with the units that were asked when the time was up.
    """
    aside = Aside("systemd")

    def look(deadline: Deadline) -> Seen:
        from exporter.sources.host.systemd import Systemd  # noqa: PLC0415 - memory

        return Systemd(host.options).look(deadline)

    async def collect(deadline: Deadline) -> Sequence[Table]:
        deadline = deadline.at_most(BUS_SECONDS)
        seen = await aside.run(lambda: look(deadline.earlier_by(MARGIN_SECONDS)), deadline)
        collected = tables(seen)
        if seen.error is not None:
            raise Partial(collected, seen.error)
        return collected

    return collect


def _explained() -> str:
    asked = "; ".join(f"{', '.join(names)} of each {kind}" for kind, (_, names) in OF_UNITS.items())
    return f"calls ListUnits of org.freedesktop.systemd1 on the system bus, and gets {asked}"


COLLECTOR = CollectorSpec(
    help="systemd's units: states, restarts, sockets and timers, from its D-Bus interface.",
    source="host",
    metrics=(
        *(UNITS, UNIT_STATE, RESTARTS, ACCEPTED, CONNECTIONS, REFUSED, LAST_TRIGGER),
        *(RUNNING, VERSION, VIRTUALIZATION),
    ),
    build=build,
    default=False,
    cost=Cost.ROWS,
    every_seconds=EVERY_SECONDS,
    series_limit=50_000,
    docs="org.freedesktop.systemd1(5)",
    explain=lambda _: _explained(),
)
