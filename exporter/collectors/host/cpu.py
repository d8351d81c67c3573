"""CPU time by core and mode, which cores are online, and how often they were throttled.

From /proc/stat and /sys/devices/system/cpu. Cores go by the kernel's number, so the labels of the
others stay when one is switched off.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from exporter.collectors.host._fields import Kept, readable, whole, wholes
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter, gauge
from exporter.model.table import Column, Labels, Table
from exporter.sources.host import Host

SECONDS = counter(
    "node_cpu_seconds_total",
    "Time that a core spent in each mode; user and nice include guests.",
    ("cpu", "mode"),
)
GUEST = counter(
    "node_cpu_guest_seconds_total", "Time that a core spent running virtual machines.", ("cpu", "mode")
)
ONLINE = gauge("node_cpu_online", "1 if the core is switched on, 0 if it is off.", ("cpu",))
CORE_THROTTLES = counter(
    "node_cpu_core_throttles_total", "How often the core was slowed down for its heat.", ("package", "core")
)
PACKAGE_THROTTLES = counter(
    "node_cpu_package_throttles_total",
    "How often the package of cores was slowed down for its heat.",
    ("package",),
)

MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
GUEST_MODES = ("user", "nice")
IDLE = MODES.index("idle")

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
JUMP_TICKS = 3 * TICKS_PER_SECOND
"""Idle time that runs back this far is a core that was switched off and on: it starts anew."""

FOLDER = "devices/system/cpu"
MOST_CORES = 65536

Times = Mapping[str, Sequence[int]]
"""Number of the core -> its ticks by mode: `MODES`, then `GUEST_MODES`, as far as the kernel has them."""


def parse(text: str) -> dict[str, list[int]]:
    """Lines `cpu0 2483 0 1985 139646 ...`; the line `cpu` of all cores together is left out."""
    times: dict[str, list[int]] = {}
    for line in text.split("\n"):
        name, *fields = line.split()[: 1 + len(MODES) + len(GUEST_MODES)] if line.startswith("cpu") else ("",)
        core = whole(name[3:])
        if core is not None and len(fields) > IDLE and (ticks := wholes(fields)) is not None:
            times[str(core)] = ticks
    return times


def monotone(before: Times, now: Times) -> Times:
    """The times of now, none below what was shown before: idle and iowait may run back a little."""
    return {core: _no_less(before.get(core), ticks) for core, ticks in now.items()}


def _no_less(before: Sequence[int] | None, now: Sequence[int]) -> Sequence[int]:
    if before is None or len(before) != len(now) or before[IDLE] - now[IDLE] >= JUMP_TICKS:
        return now
    return list(map(max, before, now))


def tables(times: Times) -> list[Table]:
    """Seconds by core and mode, and the guests' part of them."""
    rows: list[Labels] = []
    guest_rows: list[Labels] = []
    seconds: list[float] = []
    guest_seconds: list[float] = []
    for core, ticks in times.items():
        values = [tick / TICKS_PER_SECOND for tick in ticks]
        rows += [(core, mode) for mode, _ in zip(MODES, values, strict=False)]
        seconds += values[: len(MODES)]
        guests = values[len(MODES) :]
        guest_rows += [(core, mode) for mode, _ in zip(GUEST_MODES, guests, strict=False)]
        guest_seconds += guests
    return [
        Table(SECONDS.labels, rows, [Column(SECONDS, seconds)]),
        Table(GUEST.labels, guest_rows, [Column(GUEST, guest_seconds)]),
    ]


def cores(text: str) -> list[int]:
    """The numbers in a list of the kernel's: `0-3,8`; what is not understood is left out."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        low = whole(first)
        high = whole(last) if dash else low
        if low is not None and high is not None and 0 <= low <= high < MOST_CORES:
            numbers += range(low, high + 1)
    return numbers


def online(present: str, on: str) -> Table:
    """Which of the cores that are present are switched on; both are lists of the kernel's."""
    switched_on = set(cores(on))
    numbers = cores(present)
    values = [int(number in switched_on) for number in numbers]
    return Table(ONLINE.labels, [(str(number),) for number in numbers], [Column(ONLINE, values)])


class Throttles:
    """Reads the counters of slowed-down cores; finds out once which files this machine has."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._present: str | None = None
        self._cores: dict[Labels, str] = {}
        self._packages: dict[Labels, str] = {}

    def tables(self, present: str) -> list[Table]:
        """One value for each core of the hardware, one for each package; empty on most virtual machines."""
        if present != self._present:
            self._find(present)
        by_core = {row: whole(self._host.sys_or_none(path) or "") for row, path in self._cores.items()}
        by_package = {row: whole(self._host.sys_or_none(path) or "") for row, path in self._packages.items()}
        return [
            Table(CORE_THROTTLES.labels, list(by_core), [Column(CORE_THROTTLES, list(by_core.values()))]),
            Table(
                PACKAGE_THROTTLES.labels,
                list(by_package),
                [Column(PACKAGE_THROTTLES, list(by_package.values()))],
            ),
        ]

    def _find(self, present: str) -> None:
        self._present, self._cores, self._packages = present, {}, {}
        for number in cores(present):
            folder = f"{FOLDER}/cpu{number}"
            counts = f"{folder}/thermal_throttle/core_throttle_count"
            if self._host.sys_or_none(counts) is None:
                continue
            package = self._host.sys_or_none(f"{folder}/topology/physical_package_id")
            core = self._host.sys_or_none(f"{folder}/topology/core_id")
            if package is not None and core is not None:
                self._cores.setdefault((package, core), counts)
                self._packages.setdefault((package,), counts.replace("core_throttle", "package_throttle"))


def build(host: Host) -> Collect:
    """Keeps the times of the last run, so that no counter ever falls."""
    shown: Times = {}
    throttles = Throttles(host)
    present = Kept(lambda: host.sys_or_none(f"{FOLDER}/present") or "")

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        nonlocal shown
        shown = monotone(shown, parse(host.reread("stat")))
        collected = readable(tables(shown), "/proc/stat")
        cores_present = present()
        return [
            *collected,
            online(cores_present, host.sys_or_none(f"{FOLDER}/online") or ""),
            *throttles.tables(cores_present),
        ]

    return collect


COLLECTOR = CollectorSpec(
    help="CPU time by core and mode, from /proc/stat; cores online and throttled, from /sys.",
    source="host",
    metrics=(SECONDS, GUEST, ONLINE, CORE_THROTTLES, PACKAGE_THROTTLES),
    build=build,
    docs="proc_stat(5), https://docs.kernel.org/admin-guide/cputopology.html",
    explain=lambda _: "reads /proc/stat and /sys/devices/system/cpu",
)
