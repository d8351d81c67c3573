"""Temperatures of thermal zones and what cools them, from /sys/class/thermal."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import gauge
from exporter.model.table import Column, Table
from exporter.sources.host import Aside, Host

TEMPERATURE = gauge("node_thermal_zone_temp", "Temperature of the zone in degrees Celsius.", ("zone", "type"))
STATE = gauge("node_cooling_device_cur_state", "How much the device cools now, from 0.", ("name", "type"))
MOST = gauge("node_cooling_device_max_state", "How much the device can cool at most.", ("name", "type"))

FOLDER = "class/thermal"
ZONE, DEVICE = "thermal_zone", "cooling_device"

EVERY_SECONDS = 15.0
"""The firmware is asked for some of them, which takes its time."""


def read(host: Host) -> list[Table]:
    """The zones and the devices that say something.

    Raises:
        Skip: this machine has neither.
    """
    names = host.sys_names(FOLDER)
    zones = _rows(host, [name for name in names if name.startswith(ZONE)], ZONE, "temp")
    states = _rows(host, devices := [name for name in names if name.startswith(DEVICE)], DEVICE, "cur_state")
    most = _rows(host, devices, DEVICE, "max_state")
    if not zones and not states:
        raise Skip(Reason.UNSUPPORTED, f"/sys/{FOLDER}: this machine has no thermal zone")
    return [
        Table(TEMPERATURE.labels, list(zones), [Column(TEMPERATURE, [n / 1000 for n in zones.values()])]),
        Table(STATE.labels, list(states), [Column(STATE, list(states.values()))]),
        Table(MOST.labels, list(most), [Column(MOST, list(most.values()))]),
    ]


def _rows(host: Host, names: Sequence[str], prefix: str, file: str) -> dict[tuple[str, str], int]:
    found = {}
    for name in names:
        value = whole(host.sys_or_none(f"{FOLDER}/{name}/{file}") or "")
        if value is not None:
            found[name.removeprefix(prefix), host.sys_or_none(f"{FOLDER}/{name}/type") or ""] = value
    return found


def build(host: Host) -> Collect:
    """Reads in a thread: the kernel asks the sensors while the file is read."""
    aside = Aside("/sys/class/thermal")

    async def collect(deadline: Deadline) -> Sequence[Table]:
        return await aside.run(lambda: read(host), deadline)

    return collect


COLLECTOR = CollectorSpec(
    help="Temperatures of thermal zones and what cools them, from /sys/class/thermal.",
    source="host",
    metrics=(TEMPERATURE, STATE, MOST),
    build=build,
    every_seconds=EVERY_SECONDS,
    docs="https://docs.kernel.org/driver-api/thermal/sysfs-api.html",
    explain=lambda _: "reads /sys/class/thermal/*",
)
