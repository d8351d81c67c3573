"""The host's clock: its time, zone and clock sources."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import Kept
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import gauge
from exporter.model.table import Column, Table, single
from exporter.sources.host import Host

CLOCKSOURCE = ("device", "clocksource")

SECONDS = gauge("node_time_seconds", "Unix time of the host's clock.")
ZONE = gauge("node_time_zone_offset_seconds", "How far the host's time zone is ahead of UTC.", ("time_zone",))
AVAILABLE = gauge(
    "node_time_clocksource_available_info", "Always 1, for each clock that the kernel could use.", CLOCKSOURCE
)
CURRENT = gauge(
    "node_time_clocksource_current_info", "Always 1, for the clock that the kernel uses.", CLOCKSOURCE
)

FOLDER = "devices/system/clocksource"


def clocksources(host: Host) -> list[Table]:
    """The clocks of /sys/devices/system/clocksource; nothing where there is no such folder."""
    try:
        devices = [name for name in host.sys_names(FOLDER) if name.startswith("clocksource")]
    except Skip:
        return []
    available, current = [], []
    for device in devices:
        number = device.removeprefix("clocksource")
        names = (host.sys_or_none(f"{FOLDER}/{device}/available_clocksource") or "").split()
        available += [(number, name) for name in names]
        if name := host.sys_or_none(f"{FOLDER}/{device}/current_clocksource"):
            current.append((number, name))
    return [
        Table(CLOCKSOURCE, available, [Column(AVAILABLE, (1,) * len(available))]),
        Table(CLOCKSOURCE, current, [Column(CURRENT, (1,) * len(current))]),
    ]


def build(host: Host) -> Collect:
    """Asks the clock last, after the files were read; the clock sources hardly ever change."""
    sources = Kept(lambda: clocksources(host))

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        tables = sources()
        clock = host.clock()
        zone = Table(ZONE.labels, [(clock.zone,)], [Column(ZONE, (clock.offset,))])
        return [single({SECONDS: clock.now}), zone, *tables]

    return collect


COLLECTOR = CollectorSpec(
    help="Time, zone and clock sources of the host.",
    source="host",
    metrics=(SECONDS, ZONE, AVAILABLE, CURRENT),
    build=build,
    docs="clock_gettime(2), sysfs-devices-system-clocksource",
    explain=lambda _: "asks the clock, reads /sys/devices/system/clocksource",
)
