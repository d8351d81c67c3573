"""The numbers of one control group, from the files of version 1 or 2, chosen for each controller.

A file that is missing or not understood gives no number. Limits count with those of the groups above.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from exporter.collectors.host import _cgroup_metrics as m
from exporter.collectors.host._fields import whole
from exporter.model.metric import Metric
from exporter.sources.host.cgroup import UNIFIED, Cgroup

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
MICROS, NANOS = 1e6, 1e9

NO_LIMIT = 2**62
"""Version 1 writes no limit as a number above this, version 2 as `max`."""

LOWEST_SHARES, LOWEST_WEIGHT = 2, 1
SHARES_BY_WEIGHT = 262_142 / 9_999

Values = Mapping[Metric, float | None]


@dataclass(slots=True)
class Numbers:
    """What the files of one group say.

    Attributes:
        values: of the metrics with one value; None where it is not known.
        usage: CPU seconds.
        failures: page faults by (failure type, scope).
        devices: `major:minor` -> bytes read, bytes written, reads, writes.
    """

    values: dict[Metric, float | None] = field(default_factory=dict)
    usage: float | None = None
    failures: dict[tuple[str, str], int | None] = field(default_factory=dict)
    devices: dict[str, list[int | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a group is held to, and where the CPU quota that holds it is counted.

    Attributes:
        values: of the metrics of limits.
        throttling: the file with the counters of the tightest quota, as controller and steps upwards; None
            without a quota.
    """

    values: Values
    throttling: tuple[str, int] | None = None


def limits(group: Cgroup) -> Limits:
    """The limits of a group: they change seldom, and cost reads of all groups above."""
    memory = _memory_limits_1(group) if group.has("memory") else _memory_limits_2(group)
    cpu, throttling = _quota(group, "cpu" if group.has("cpu") else UNIFIED)
    pids = "pids" if group.has("pids") else UNIFIED
    threads = _tightest(text for (text,) in group.upwards(pids, "pids.max"))
    return Limits({**memory, **cpu, m.THREADS_MAX: threads}, throttling)


def _memory_limits_1(group: Cgroup) -> Values:
    above = pairs(group.read("memory", "memory.stat"))
    own = (text for (text,) in group.upwards("memory", "memory.limit_in_bytes"))
    with_swap = (text for (text,) in group.upwards("memory", "memory.memsw.limit_in_bytes"))
    # The kernel knows of limits above what is mounted here.
    return {
        m.LIMIT: _tightest([*own, above.get("hierarchical_memory_limit", "")]),
        m.SWAP_LIMIT: _tightest([*with_swap, above.get("hierarchical_memsw_limit", "")]),
        m.RESERVATION: _tightest([group.read("memory", "memory.soft_limit_in_bytes")]),
    }


def _memory_limits_2(group: Cgroup) -> Values:
    protected = [number(group.read(UNIFIED, name)) for name in ("memory.low", "memory.min")]
    known = [value for value in protected if value is not None]
    return {
        m.LIMIT: _tightest(text for (text,) in group.upwards(UNIFIED, "memory.max")),
        m.SWAP_LIMIT: _tightest(text for (text,) in group.upwards(UNIFIED, "memory.swap.max")),
        m.RESERVATION: max(known, default=None),
    }


def _tightest(texts: Iterable[str]) -> int | None:
    """The least of the limits, 0 if there is none; None if no file says anything."""
    told = [text.strip() for text in texts]
    if not any(told):
        return None
    numbers = [value for text in told if (value := whole(text)) is not None]
    return min((value for value in numbers if 0 <= value < NO_LIMIT), default=0)


def _quota(group: Cgroup, controller: str) -> tuple[Values, tuple[str, int] | None]:
    """The tightest quota of the group and those above it; shares are the group's own."""
    names = ("cpu.max",) if controller == UNIFIED else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    quotas: list[tuple[float, int, int, int]] = []
    period: int | None = None
    for steps, texts in enumerate(group.upwards(controller, *names)):
        words = texts[0].split() if controller == UNIFIED else [text.strip() for text in texts]
        quota, length = map(whole, (*words, "", "")[:2])
        period = length if steps == 0 else period
        if quota is not None and quota > 0 and length:
            quotas.append((quota / length, steps, quota, length))
    shares = _shares(group, controller)
    if not quotas:
        return {m.PERIOD: period, m.SHARES: shares}, None
    _, steps, quota, length = min(quotas)
    return {m.QUOTA: quota, m.PERIOD: length, m.SHARES: shares}, (controller, steps)


def _shares(group: Cgroup, controller: str) -> int | None:
    if controller != UNIFIED:
        return number(group.read(controller, "cpu.shares"))
    weight = number(group.read(UNIFIED, "cpu.weight"))
    return None if weight is None else int(LOWEST_SHARES + (weight - LOWEST_WEIGHT) * SHARES_BY_WEIGHT)


def numbers(group: Cgroup, held_to: Limits) -> Numbers:
    """What the files say now."""
    found = Numbers(values=dict(held_to.values))
    stat = pairs(group.read(UNIFIED, "cpu.stat"))
    _cpu(group, stat, found)
    if held_to.throttling is not None:
        _throttling(group, stat, held_to.throttling, found)
    if group.has("memory"):
        _memory_1(group, found)
    else:
        _memory_2(group, found)
    found.values[m.THREADS] = number(group.read("pids" if group.has("pids") else UNIFIED, "pids.current"))
    found.devices = _devices_1(group) if group.has("blkio") else _devices_2(group)
    _pressure(group, found)
    return found


def _cpu(group: Cgroup, stat: Mapping[str, str], found: Numbers) -> None:
    if group.has("cpuacct"):
        ticks = pairs(group.read("cpuacct", "cpuacct.stat"))
        found.usage = over(number(group.read("cpuacct", "cpuacct.usage")), NANOS)
        found.values[m.CPU_USER] = over(whole(ticks.get("user", "")), TICKS_PER_SECOND)
        found.values[m.CPU_SYSTEM] = over(whole(ticks.get("system", "")), TICKS_PER_SECOND)
        return
    found.usage = over(whole(stat.get("usage_usec", "")), MICROS)
    found.values[m.CPU_USER] = over(whole(stat.get("user_usec", "")), MICROS)
    found.values[m.CPU_SYSTEM] = over(whole(stat.get("system_usec", "")), MICROS)


def _throttling(group: Cgroup, own: Mapping[str, str], where: tuple[str, int], found: Numbers) -> None:
    controller, steps = where
    stat = own if where == (UNIFIED, 0) else pairs(group.read_above(controller, steps, "cpu.stat"))
    found.values[m.CFS_PERIODS] = whole(stat.get("nr_periods", ""))
    found.values[m.CFS_THROTTLED] = whole(stat.get("nr_throttled", ""))
    nanos, micros = (whole(stat.get(name, "")) for name in ("throttled_time", "throttled_usec"))
    found.values[m.CFS_SECONDS] = over(nanos, NANOS) if micros is None else over(micros, MICROS)


def _memory_1(group: Cgroup, found: Numbers) -> None:
    stat = pairs(group.read("memory", "memory.stat"))
    usage = number(group.read("memory", "memory.usage_in_bytes"))
    found.values |= {
        m.MEMORY: usage,
        m.WORKING_SET: _less(usage, whole(stat.get("total_inactive_file", ""))),
        m.RSS: whole(stat.get("total_rss", "")),
        m.CACHE: whole(stat.get("total_cache", "")),
        m.MAPPED: whole(stat.get("total_mapped_file", "")),
        m.SWAP: whole(stat.get("total_swap", "")),
        m.PEAK: number(group.read("memory", "memory.max_usage_in_bytes")),
        m.FAILCNT: number(group.read("memory", "memory.failcnt")),
        m.OOM: whole(pairs(group.read("memory", "memory.oom_control")).get("oom_kill", "")),
    }
    _failures(stat, found, below="total_")


def _memory_2(group: Cgroup, found: Numbers) -> None:
    stat = pairs(group.read(UNIFIED, "memory.stat"))
    usage = number(group.read(UNIFIED, "memory.current"))
    events = pairs(group.read(UNIFIED, "memory.events"))
    found.values |= {
        m.MEMORY: usage,
        m.WORKING_SET: _less(usage, whole(stat.get("inactive_file", ""))),
        m.RSS: whole(stat.get("anon", "")),
        m.CACHE: whole(stat.get("file", "")),
        m.MAPPED: whole(stat.get("file_mapped", "")),
        m.SWAP: number(group.read(UNIFIED, "memory.swap.current")),
        m.PEAK: number(group.read(UNIFIED, "memory.peak")),
        m.FAILCNT: whole(events.get("max", "")),
        m.OOM: whole(events.get("oom_kill", "")),
    }
    _failures(stat, found, below="")


def _failures(stat: Mapping[str, str], found: Numbers, below: str) -> None:
    """Version 2 counts all that is below the group, and nothing else."""
    for kind in ("pgfault", "pgmajfault"):
        found.failures[kind, "container"] = whole(stat.get(kind, ""))
        found.failures[kind, "hierarchy"] = whole(stat.get(below + kind, ""))


def _pressure(group: Cgroup, found: Numbers) -> None:
    """Pressure stall information, which only version 2 has."""
    for resource, (waiting, stalled) in m.PRESSURE.items():
        for line in group.read(UNIFIED, f"{resource}.pressure").split("\n"):
            metric = {"some": waiting, "full": stalled}.get(line.partition(" ")[0])
            if metric is not None:
                found.values[metric] = over(whole(line.rpartition("total=")[2]), MICROS)


def _devices_2(group: Cgroup) -> dict[str, list[int | None]]:
    """Lines `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`."""
    devices = {}
    for line in group.read(UNIFIED, "io.stat").split("\n"):
        device, *words = line.split()[:32] or [""]
        told = dict(word.partition("=")[::2] for word in words)
        if "rbytes" in told:
            devices[device] = [whole(told.get(name, "")) for name in ("rbytes", "wbytes", "rios", "wios")]
    return devices


def _devices_1(group: Cgroup) -> dict[str, list[int | None]]:
    """Two files of lines `8:0 Read 4096`."""
    devices: dict[str, list[int | None]] = {}
    for offset, name in ((0, "blkio.throttle.io_service_bytes"), (2, "blkio.throttle.io_serviced")):
        for device, kind, value in _triples(group.read("blkio", name)):
            if kind in ("Read", "Write"):
                row = devices.setdefault(device, [None] * 4)
                row[offset + (kind == "Write")] = whole(value)
    return devices


def _triples(text: str) -> Iterator[list[str]]:
    return (words for line in text.split("\n") if len(words := line.split()) == 3)


def pairs(text: str) -> dict[str, str]:
    """Name -> value, from lines of two words."""
    return {words[0]: words[1] for line in text.split("\n") if len(words := line.split(" ")) == 2}


def number(text: str) -> int | None:
    """The number that a file holds; None if it is anything else."""
    return whole(text.strip())


def over(value: int | None, by: float) -> float | None:
    """The quotient of what is known."""
    return None if value is None else value / by


def _less(usage: int | None, unused: int | None) -> int | None:
    return None if usage is None or unused is None else max(0, usage - unused)
