"""How fast the cores run, from /sys/devices/system/cpu/cpu*/cpufreq."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import whole
from exporter.collectors.host.cpu import FOLDER, cores
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import gauge
from exporter.model.table import Column, Labels, Table, Value
from exporter.sources.host import Aside, Host

CPU = ("cpu",)

BY_FILE = {
    "cpuinfo_cur_freq": gauge("node_cpu_frequency_hertz", "Frequency that the hardware says.", CPU),
    "cpuinfo_avg_freq": gauge(
        "node_cpu_frequency_average_hertz", "Frequency over the last moments, as the hardware says.", CPU
    ),
    "cpuinfo_min_freq": gauge("node_cpu_frequency_min_hertz", "Lowest frequency of the hardware.", CPU),
    "cpuinfo_max_freq": gauge("node_cpu_frequency_max_hertz", "Highest frequency of the hardware.", CPU),
    "scaling_cur_freq": gauge("node_cpu_scaling_frequency_hertz", "Frequency that the kernel has set.", CPU),
    "scaling_min_freq": gauge(
        "node_cpu_scaling_frequency_min_hertz", "Lowest frequency that the kernel may set.", CPU
    ),
    "scaling_max_freq": gauge(
        "node_cpu_scaling_frequency_max_hertz", "Highest frequency that the kernel may set.", CPU
    ),
}
GOVERNOR = gauge("node_cpu_scaling_governor", "1 for the governor that is used.", ("cpu", "governor"))

HERTZ = 1000
"""The files are in kilohertz."""

EVERY_SECONDS = 15.0
"""Older kernels measure each core for ten milliseconds when its frequency is read."""


def read(host: Host) -> list[Table]:
    """All cores that have a frequency.

    Raises:
        Skip: this machine's cores have none that could be seen, as most virtual ones.
    """
    rows: list[Labels] = []
    columns: dict[str, list[Value]] = {name: [] for name in BY_FILE}
    governors: list[tuple[Labels, int]] = []
    for core in cores(host.sys(f"{FOLDER}/present")):
        folder = f"{FOLDER}/cpu{core}/cpufreq"
        found = {name: whole(host.sys_or_none(f"{folder}/{name}") or "") for name in BY_FILE}
        if all(value is None for value in found.values()):
            continue
        rows.append((str(core),))
        for name, value in found.items():
            columns[name].append(None if value is None else value * HERTZ)
        used = host.sys_or_none(f"{folder}/scaling_governor")
        known = (host.sys_or_none(f"{folder}/scaling_available_governors") or "").split() if used else ()
        governors += [((str(core), name), int(name == used)) for name in known]
    if not rows:
        raise Skip(
            Reason.UNSUPPORTED, f"/sys/{FOLDER}/cpu0/cpufreq: this machine does not say how fast it is"
        )
    return [
        Table(CPU, rows, [Column(metric, columns[name]) for name, metric in BY_FILE.items()]),
        Table(GOVERNOR.labels, [row for row, _ in governors], [Column(GOVERNOR, [n for _, n in governors])]),
    ]


def build(host: Host) -> Collect:
    """Reads in a thread: the kernel may measure while the file is read."""
    aside = Aside("/sys/devices/system/cpu/cpu*/cpufreq")

    async def collect(deadline: Deadline) -> Sequence[Table]:
        return await aside.run(lambda: read(host), deadline)

    return collect


COLLECTOR = CollectorSpec(
    help="How fast the cores run, from /sys/devices/system/cpu/cpu*/cpufreq.",
    source="host",
    metrics=(*BY_FILE.values(), GOVERNOR),
    build=build,
    every_seconds=EVERY_SECONDS,
    docs="https://docs.kernel.org/admin-guide/pm/cpufreq.html",
    explain=lambda _: "reads /sys/devices/system/cpu/cpu*/cpufreq",
)
