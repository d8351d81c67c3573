"""How sensors are named: node_exporter's rules, from the names of the files in /sys/class/hwmon."""

from __future__ import annotations

import re
from typing import NamedTuple

from exporter.collectors.host._fields import ByField
from exporter.model.metric import Metric, counter, gauge

LABELS = ("chip", "sensor")

KINDS = frozenset(
    {
        *("vrm", "beep_enable", "update_interval", "in", "cpu", "fan", "pwm", "temp", "curr", "power"),
        *("energy", "humidity", "intrusion"),
    }
)
"""What a sensor's files begin with."""

VALUE, LABEL = "input", "label"

VOLTS = gauge("node_hwmon_<field>_volts", "The sensors' files <field>, in volts.", LABELS)
CELSIUS = gauge(
    "node_hwmon_<field>_celsius",
    "The sensors' files <field>, in degrees Celsius; alarms as thousandths, as upstream has them.",
    LABELS,
)
AMPERES = gauge("node_hwmon_<field>_amps", "The sensors' files <field>, in amperes.", LABELS)
JOULES = counter("node_hwmon_<field>_joule_total", "The sensors' files <field>, in joules.", LABELS)
WATTS = gauge("node_hwmon_<field>_watt", "The sensors' files <field>, in watts.", LABELS)
SECONDS = gauge("node_hwmon_<field>_seconds", "The sensors' files <field>, in seconds.", LABELS)
TURNS = gauge("node_hwmon_<field>_rpm", "The fans' files <field>, in turns a minute.", LABELS)
BEEPS = gauge("node_hwmon_<field>_enabled", "1 if <field> is on, 0 if it is off.", LABELS)
AS_IT_IS = gauge("node_hwmon_<field>", "The sensors' files <field>, as they are.", LABELS)

OF_CHIPS = {
    "beep_enable": (gauge("node_hwmon_beep_enabled", "1 if the chip may beep, 0 if not.", LABELS), 1),
    "vrm": (
        gauge("node_hwmon_voltage_regulator_version", "Version of the voltage regulator's standard.", LABELS),
        1,
    ),
    "update_interval": (
        gauge("node_hwmon_update_interval_seconds", "How often the chip reads its sensors.", LABELS),
        0.001,
    ),
}
"""What is a chip's, not a sensor's: metric, and what its number is multiplied by."""

PATTERNS = (VOLTS, CELSIUS, AMPERES, JOULES, WATTS, SECONDS, TURNS, BEEPS, AS_IT_IS)

MILLI, MICRO = 0.001, 1e-6

BY_KIND = {
    "in": (VOLTS, MILLI),
    "cpu": (VOLTS, MILLI),
    "temp": (CELSIUS, MILLI),
    "curr": (AMPERES, MILLI),
    "energy": (JOULES, MICRO),
    "power": (WATTS, MICRO),
    "humidity": (AS_IT_IS, MICRO),
}
OF_FANS = frozenset({"input", "min", "max", "target"})
INTERVALS = frozenset({"average_interval", "average_interval_min", "average_interval_max"})

_FILE = re.compile(r"(?P<kind>[^0-9]+?)(?P<number>[0-9]*)(?:_(?P<element>.+))?", re.ASCII)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9:_]")


class File(NamedTuple):
    """A file of a sensor: `temp1_crit` is the element `crit` of the sensor `temp1`, of kind `temp`."""

    sensor: str
    kind: str
    element: str


def file_of(name: str) -> File | None:
    """What a file's name says; None for one that belongs to no sensor."""
    if name in KINDS:
        return File(f"{name}0", name, "")
    match = _FILE.fullmatch(name)
    if match is None or match["kind"] not in KINDS:
        return None
    return File(f"{match['kind']}{int(match['number'] or 0)}", match["kind"], match["element"] or "")


def cleaned(name: str) -> str:
    """A name as it may stand in a label: lower case, with underscores for anything unusual."""
    return _NOT_IN_NAMES.sub("_", name.lower()).strip("_")


class Names:
    """The metric of each element, and what its number is multiplied by; made at its first sight."""

    def __init__(self) -> None:
        self._by_pattern = {pattern: ByField(pattern) for pattern in PATTERNS}

    def metric(self, file: File, *, has_plain: bool) -> tuple[Metric, float] | None:
        """None where the name can't be a metric's.

        Args:
            file: the file.
            has_plain: whether the sensor has a file without an element beside `input`.
        """
        if file.kind in OF_CHIPS:
            return OF_CHIPS[file.kind]
        pattern, factor = _unit(file)
        element = "" if file.element == VALUE and not has_plain else cleaned(file.element)
        metric = self._by_pattern[pattern][f"{file.kind}_{element}" if element else file.kind]
        return None if metric is None else (metric, factor)


def _unit(file: File) -> tuple[Metric, float]:
    kind, element = file.kind, file.element
    if element in {"fault", "alarm"} or (kind, element) == ("temp", "type"):
        return AS_IT_IS, 1
    if element == "beep":
        return BEEPS, 1
    if kind == "power" and element == "accuracy":
        return AS_IT_IS, MICRO
    if kind == "power" and element in INTERVALS:
        return SECONDS, MILLI
    if kind == "fan" and element in OF_FANS:
        return TURNS, 1
    return BY_KIND.get(kind, (AS_IT_IS, 1))
