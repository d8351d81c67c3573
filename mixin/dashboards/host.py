"""The machine: what of it is used up, who waits for it, what fails (utilization, saturation, errors)."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._host_parts import containers, kernel, network, processes
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import gauge, graph, stacked, stat, tinted
from mixin.dashboards._queries import now, series
from mixin.dashboards._tables import Column, alert_list, firing, table
from mixin.dashboards._variables import labels, target

CPU = "instance:node_cpu_busy:ratio{$target}"
MEMORY = "instance:node_memory_used:ratio{$target}"
PRESSURE = "instance:node_pressure:ratio{$target}"
SPACE = "mountpoint:node_filesystem_avail:ratio{$target}"
INODES = "mountpoint:node_filesystem_files_free:ratio{$target}"
QUEUE = "device:node_disk_queue:rate5m{$target}"
OPERATION = "device:node_disk_operation_seconds:mean5m{$target}"
# As the alert: a long queue that is worked off fast is no problem.
SLOW_QUEUE = f"{QUEUE} and {OPERATION} > 0.02"
KILLS = """
    increase(container_oom_events_total{$target}[10m]) > 0
    or on (job, instance) (
      increase(node_vmstat_oom_kill{$target}[10m]) > 0
      unless on (job, instance) exporter_host_view_info{$target, processes="own"}
    )
"""
# By the pace of six hours; later than in a month is no news.
FULL_IN = """
    (
      node_filesystem_avail_bytes{$target} / -(deriv(node_filesystem_avail_bytes{$target}[6h]) < 0)
      < 30 * 86400
    )
    and on (job, instance, mountpoint) mountpoint:node_filesystem_avail:ratio{$target}
"""
MODES = {
    "^other": "purple",
    "^user": "green",
    "^system": "blue",
    "^iowait": "orange",
    "^steal": "red",
}


def build() -> Board:
    """For whoever comes from a slow database: is it the machine, and who on it."""
    return Board(
        title="Host",
        about="Which of CPU, memory, disk and network is used up, who waits for it, and who uses it.",
        service="host",
        variables=[
            *target("node_boot_time_seconds"),
            labels("device", "node_disk_io_time_seconds_total{$target}", title="Disk"),
            labels("groupname", "namedprocess_namegroup_num_procs{$target}", title="Process group"),
            labels("id", "container_memory_usage_bytes{$target}", title="Container"),
        ],
        rows=[
            Row("Health", _health()),
            Row("Problems", _problems()),
            Row("Performance", _performance()),
            Row("Network", network(), collapsed=True),
            Row("Process groups", processes(), collapsed=True),
            Row("Containers", containers(), collapsed=True),
            Row("Kernel and clock", kernel(), collapsed=True),
        ],
        restarts="changes(node_boot_time_seconds{$target}[2m]) > 0",
    )


def _health() -> Panels:
    return [
        firing("host"),
        alert_list("host"),
        gauge(
            "CPU busy",
            "Part of all cores that is busy, on the busiest host. Full is not bad by itself: look at the "
            "pressure for who waits.",
            units.PercentUnit,
            now(f"max({CPU})", ""),
            alert="HostCpuHigh",
        ),
        gauge(
            "Memory used",
            "What is not available to programs without swapping; page cache counts as available. Near "
            "100 % the kernel kills a process, most often PostgreSQL or Redis.",
            units.PercentUnit,
            now(f"max({MEMORY})", ""),
            alert="HostMemoryHigh",
        ),
        stat(
            "Space left",
            "On the fullest file system. At 0 PostgreSQL stops and Redis refuses writes.",
            units.PercentUnit,
            now(f"min({SPACE})", ""),
            alert="HostFilesystemAlmostFull",
        ),
        stat(
            "Inodes left",
            "On the file system with the fewest. At 0 no file can be made, however much space is left.",
            units.PercentUnit,
            now(f"min({INODES}) or vector(1)", ""),
            alert="HostInodesAlmostFull",
        ),
        stat(
            "Queue of slow disks",
            "Reads and writes that wait at the worst disk that takes long for each; 0 where none does.",
            units.Short,
            now(f"max({SLOW_QUEUE}) or vector(0)", ""),
            alert="HostDiskSaturated",
        ),
        stat(
            "OOM kills in 10 minutes",
            "Processes that the kernel killed because the host or a container had no memory left.",
            units.Short,
            now(f"max({KILLS}) or vector(0)", ""),
            alert="HostOomKill",
        ),
    ]


def _problems() -> Panels:
    return [
        graph(
            "Pressure",
            "Part of the time in which work waited: some of it for CPU or memory, all of it for the disk. "
            "This, not use, is what requests feel. No line on kernels without PSI: look at the load.",
            units.PercentUnit,
            series(PRESSURE, "{{resource}} {{instance}}"),
            watched=["HostPressureHigh"],
        ).max(1),
        graph(
            "Load by core",
            "Processes that run or wait for CPU or disk, by core. Above 1 some wait.",
            units.Short,
            series("instance:node_load_per_core:ratio{$target}"),
            watched=["HostPressureHigh"],
        ),
        table(
            "File systems",
            "How full each is, and when it will be at the pace of the last six hours, if within a month. In "
            "a container those that can be seen from there.",
            ["instance", "mountpoint", "device", "fstype"],
            Column("used", f"1 - {SPACE}", units.PercentUnit),
            Column("left", SPACE, units.PercentUnit, "HostFilesystemAlmostFull"),
            Column("bytes left", f"node_filesystem_avail_bytes{{$target}} and {SPACE}", units.BytesIEC),
            Column("inodes left", INODES, units.PercentUnit, "HostInodesAlmostFull"),
            Column("full in", FULL_IN, units.DurationSeconds),
            watched=["HostFilesystemFillingUp"],
        ).height(6),
    ]


def _performance() -> Panels:
    groups = drill("Processes: open that row", to("host", "instance"))
    return [
        _cpu().data_links([groups]),
        stacked(
            "Memory",
            "All chosen hosts together. Shared is PostgreSQL's shared buffers for the most part; page cache "
            "makes room by itself.",
            units.BytesIEC,
            series(
                "sum(node_memory_MemTotal_bytes{$target} - node_memory_MemFree_bytes{$target} "
                "- node_memory_Buffers_bytes{$target} - node_memory_Cached_bytes{$target} "
                "- node_memory_SReclaimable_bytes{$target})",
                "programs and kernel",
            ),
            series("sum(node_memory_Shmem_bytes{$target})", "shared"),
            series(
                "sum(node_memory_Cached_bytes{$target} + node_memory_Buffers_bytes{$target} "
                "+ node_memory_SReclaimable_bytes{$target} - node_memory_Shmem_bytes{$target})",
                "page cache",
            ),
            series("sum(node_memory_MemFree_bytes{$target})", "free"),
            watched=["HostMemoryHigh", "HostOomKill"],
        ).data_links([groups]),
        graph(
            "Disk busy",
            "Part of the time in which a disk had something to do. Solid-state disks do many things at once "
            "and are not full at 100 %: look at the queue and the duration.",
            units.PercentUnit,
            series(
                'rate(node_disk_io_time_seconds_total{$target, device=~"$device"}[$__rate_interval])',
                "{{device}} {{instance}}",
            ),
            watched=["HostDiskSaturated"],
        ),
        graph(
            "Duration of disk operations",
            "Mean of a read or write, its waiting included; no line for a disk that did nothing. Network "
            "storage that is throttled shows here.",
            units.Seconds,
            series(
                f'{OPERATION[:-1]}, device=~"$device"}}',
                "{{device}} {{instance}}",
            ),
            watched=["HostDiskSaturated"],
        ),
        graph(
            "Disk queue",
            "Reads and writes that are with the disk, waiting or under way.",
            units.Short,
            series(f'{QUEUE[:-1]}, device=~"$device"}}', "{{device}} {{instance}}"),
            watched=["HostDiskSaturated"],
        ),
        graph(
            "Disk throughput",
            "Bytes read and written, all chosen disks of a host.",
            units.BytesPerSecondIEC,
            *(
                series(
                    f"sum without (device) (rate(node_disk_{kind}_bytes_total"
                    '{$target, device=~"$device"}[$__rate_interval]))',
                    f"{kind} {{{{instance}}}}",
                )
                for kind in ("read", "written")
            ),
        ),
        graph(
            "Space left over time",
            "Of each file system. A steep fall is a log, a dump or pg_wal.",
            units.PercentUnit,
            series(SPACE, "{{mountpoint}} {{instance}}"),
            alert="HostFilesystemAlmostFull",
            watched=["HostFilesystemFillingUp"],
        ).max(1),
        graph(
            "Swapping",
            "Pages moved out to swap and back. More than a little for long: too little memory.",
            units.Short,
            series("rate(node_vmstat_pswpout{$target}[$__rate_interval])", "out {{instance}}"),
            series("rate(node_vmstat_pswpin{$target}[$__rate_interval])", "in {{instance}}"),
            watched=["HostMemoryHigh"],
        ),
    ]


def _cpu() -> timeseries.Panel:
    panel = stacked(
        "CPU by mode",
        "Share of all cores, mean of the chosen hosts. iowait: idle for want of the disk; steal: taken "
        "by other machines on the same hardware.",
        units.PercentUnit,
        series(
            "avg(sum without (mode) "
            '(rate(node_cpu_seconds_total{$target, mode=~"nice|irq|softirq"}[$__rate_interval])))',
            "other",
        ),
        *(
            series(
                f'avg(rate(node_cpu_seconds_total{{$target, mode="{mode}"}}[$__rate_interval]))',
                mode,
            )
            for mode in ("user", "system", "iowait", "steal")
        ),
        watched=["HostCpuHigh"],
    )
    return tinted(panel.max(1), MODES)
