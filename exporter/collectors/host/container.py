"""Control groups under cAdvisor's names: limits, working set, throttling, kills, pressure, devices.

The exporter's own, and those of the data stack's processes where their groups can be seen; which that are
is said in `container_scope_info`. The root of a hierarchy is left out: its numbers are the machine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from exporter.collectors.host import _cgroup_metrics as m
from exporter.collectors.host._cgroup_numbers import Numbers, numbers
from exporter.collectors.host._cgroup_watch import Shown, Sight, Watch
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.table import Column, Labels, Table, Value, by_row, info, single
from exporter.sources.host import Host

OF_THE_POD = frozenset({"pod", "namespace"})
"""Labels that hold for the containers beside the own one too."""
ALL_CORES = "total"

Constant = tuple[tuple[str, str], ...]
Read = tuple[Shown, Numbers]


class Devices:
    """The names of devices by number, as /sys has them; a device keeps its name."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._names: dict[str, str] = {}

    def name(self, number: str) -> str:
        """`/dev/sda` for `8:0`; the number where there is no name."""
        if number not in self._names:
            text = self._host.sys_or_none(f"dev/block/{number}/uevent") or ""
            named = [
                line.removeprefix("DEVNAME=") for line in text.split("\n") if line.startswith("DEVNAME=")
            ]
            self._names[number] = f"/dev/{named[0]}" if named else number
        return self._names[number]


def tables(read: Sequence[Read], devices: Devices, constant: Constant) -> list[Table]:
    """The tables of groups that share their constant labels."""
    rows: list[Labels] = [(shown.group.id,) for shown, _ in read]
    plain = [Column(metric, [found.values.get(metric) for _, found in read]) for metric in m.PLAIN]
    usage = by_row(
        m.CPU_USAGE.labels, (m.CPU_USAGE,), (((s.group.id, ALL_CORES), (found.usage,)) for s, found in read)
    )
    failures = by_row(
        m.FAILURES.labels,
        (m.FAILURES,),
        (((s.group.id, *which), (count,)) for s, found in read for which, count in found.failures.items()),
    )
    by_device = by_row(m.BY_DEVICE, m.DEVICES, _by_device(read, devices))
    found = (usage, Table(m.ID, rows, plain), failures, by_device)
    return [table._replace(constant=constant) for table in found]


def _by_device(read: Sequence[Read], devices: Devices) -> Iterable[tuple[Labels, Sequence[Value]]]:
    for shown, found in read:
        for number, values in found.devices.items():
            yield (shown.group.id, devices.name(number)), values


def said(sight: Sight) -> list[Table]:
    """What can be seen from here, and what runs where."""
    rows = [(shown.group.id, name) for shown in sight.shown for name in sorted(shown.programs)]
    scope = {"scope": sight.scope, "id": sight.own.id, "version": sight.own.versions}
    return [
        info(m.SCOPE, scope),
        single({m.UNREADABLE: sight.hidden}),
        Table(m.WATCHED.labels, rows, [Column(m.WATCHED, (1,) * len(rows))]),
    ]


def constant_of(shown: Shown, labels: Constant) -> Constant:
    """The configured labels that hold for a group."""
    if shown.own:
        return labels
    return tuple(pair for pair in labels if pair[0] in OF_THE_POD) if shown.near else ()


def build(host: Host) -> Collect:
    """Looks for groups every now and then; reads their numbers each time."""
    watch, devices = Watch(host), Devices(host)
    labels = host.options.container_labels

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        sight = watch.sight()
        collected = said(sight)
        for constant, some in groupby(sight.shown, lambda shown: constant_of(shown, labels)):
            read = [(shown, _numbers(shown)) for shown in some]
            collected += tables(read, devices, constant)
        return collected

    return collect


def _numbers(shown: Shown) -> Numbers:
    found = numbers(shown.group, shown.held_to)
    found.values[m.START] = shown.started
    return found


COLLECTOR = CollectorSpec(
    help="Limits and use of the exporter's control group and the data stack's, from /sys/fs/cgroup.",
    source="host",
    metrics=m.EVERY,
    build=build,
    docs="https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1",
    explain=lambda _: "reads /proc/self/cgroup, /proc/1/cgroup and /sys/fs/cgroup",
)
