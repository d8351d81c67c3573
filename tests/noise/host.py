"""The database's machine, written rather than recorded: a recording has in it what runs beside.

Four cores and one disk. Figures follow the load; the nightly job reads and writes all that the disk can.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.noise.generator import Series, Value
from tests.noise.week import DAY, Calendar, at

LABELS: Mapping[str, str] = {"job": "node", "instance": "db-1"}
DISK: Mapping[str, str] = {**LABELS, "device": "sda"}
ROOT: Mapping[str, str] = {**LABELS, "device": "/dev/sda1", "fstype": "ext4", "mountpoint": "/"}

CORES = 4
MEMORY = 16 * 2.0**30
SIZE = 200e9
INODES = 12e6
DUMP = 0.15
"""Share of the disk that the dump of a night takes until it has been moved away, in the morning."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a figure depends on.

    Attributes:
        minute: since the beginning.
        load: 1 is the recorded day.
        night: whether the nightly job runs.
        chance: a number around 1.
    """

    minute: int
    load: float
    night: bool
    chance: float


Rate = Callable[[Moment], float]


def _busy(now: Moment) -> float:
    return min((0.08 + 0.30 * now.load + 0.25 * now.night) * now.chance, 0.97)


def _waiting(now: Moment) -> float:
    return (0.25 if now.night else 0.01) * min(now.chance, 1.5)


def _operations(now: Moment) -> float:
    return (200 if now.night else 10 + 40 * now.load) * now.chance


def _avail(now: Moment) -> float:
    share = 0.55 - 0.003 * now.minute / DAY
    begun, gone = at(0, "02:05"), at(0, "05:30")
    if begun <= now.minute % DAY < gone:
        share -= DUMP * min((now.minute % DAY - begun) / 30, 1.0)
    return SIZE * share


def _operation_time(now: Moment) -> float:
    return _operations(now) * (0.008 if now.night else 0.001)


def _queue(now: Moment) -> float:
    return (6.0 if now.night else 0.1 + 0.2 * now.load) * now.chance


def _stalled(now: Moment) -> float:
    return (0.3 if now.night else 0.005) * min(now.chance, 1.5)


RATES: Mapping[str, Rate] = {
    "node_disk_io_time_weighted_seconds_total": _queue,
    "node_disk_read_time_seconds_total": _operation_time,
    "node_disk_reads_completed_total": _operations,
    "node_disk_write_time_seconds_total": _operation_time,
    "node_disk_writes_completed_total": _operations,
    "node_pressure_cpu_waiting_seconds_total": lambda now: min(0.01 + 0.05 * now.load**2, 0.9),
    "node_pressure_io_stalled_seconds_total": _stalled,
    "node_pressure_memory_waiting_seconds_total": lambda now: 0.002 if now.night else 0.0,
    "node_vmstat_oom_kill": lambda _: 0.0,
}
"""Counter -> its rate a second."""

LEVELS: Mapping[str, Rate] = {
    "node_load5": lambda now: CORES * (_busy(now) + _waiting(now)) * now.chance,
    "node_memory_MemAvailable_bytes": lambda now: MEMORY * (0.42 - 0.06 * now.load) * min(now.chance, 1.2),
    "node_memory_MemTotal_bytes": lambda _: MEMORY,
    "node_timex_maxerror_seconds": lambda now: 0.02 + 0.03 * (now.minute % 34),
    "node_timex_offset_seconds": lambda now: 0.0005 * (now.chance - 1),
    "node_timex_sync_status": lambda _: 1.0,
    "node_filesystem_avail_bytes": _avail,
    "node_filesystem_size_bytes": lambda _: SIZE,
    "node_filesystem_files": lambda _: INODES,
    "node_filesystem_files_free": lambda _: 0.9 * INODES,
    "node_filesystem_readonly": lambda _: 0.0,
}
"""Gauge -> its value."""


def series(calendar: Calendar, rng: random.Random) -> Iterator[Series]:
    """The machine's series."""
    moments = [
        Moment(minute, calendar.load[minute], calendar.phase(minute) == "nightly", rng.lognormvariate(0, 0.1))
        for minute in range(calendar.minutes)
    ]
    for cpu in range(CORES):
        labels = {**LABELS, "cpu": str(cpu)}
        yield _series("node_cpu_seconds_total", {**labels, "mode": "idle"}, moments, _idle, 60)
        yield _series("node_cpu_seconds_total", {**labels, "mode": "iowait"}, moments, _idle_wait, 60)
    for name, rate in RATES.items():
        yield _series(name, DISK if name.startswith("node_disk_") else LABELS, moments, rate, 60)
    for name, level in LEVELS.items():
        yield _series(name, ROOT if name.startswith("node_filesystem_") else LABELS, moments, level, 0)


def _idle(now: Moment) -> float:
    return 1 - _busy(now) - _idle_wait(now)


def _idle_wait(now: Moment) -> float:
    return min(_waiting(now), 1 - _busy(now))


def _series(name: str, labels: Mapping[str, str], moments: list[Moment], value: Rate, seconds: int) -> Series:
    """A counter that grows by `value` a second for so many seconds a minute; with none a gauge."""
    values: list[Value] = [value(moment) * (seconds or 1) for moment in moments]
    return Series(name, labels, counter=bool(seconds), values=values)
