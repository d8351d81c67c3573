"""The machine: the closed rows on its network, its processes and containers, its kernel and clock."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Panels
from mixin.dashboards._panels import graph, stacked
from mixin.dashboards._queries import series
from mixin.dashboards._tables import Column, table
from mixin.dashboards._top import among

# Others are virtual: what they carry is counted on the real one too.
DEVICES = '{$target, device!~"lo|veth.*|docker.*|br-.*|cali.*|ifb.*|dummy.*"}'
GROUP = '{$target, groupname=~"$groupname"}'
CONTAINER = '{$target, id=~"$id"}'


def network() -> Panels:
    """Traffic, what is lost, and connections."""
    return [
        graph(
            "Traffic",
            "Bytes received and sent by the real devices of a host.",
            units.BytesPerSecondIEC,
            *(
                series(
                    f"sum without (device) (rate(node_network_{way}_bytes_total{DEVICES}[$__rate_interval]))",
                    f"{way} {{{{instance}}}}",
                )
                for way in ("receive", "transmit")
            ),
        ),
        graph(
            "Lost and damaged packets",
            "Errors are hardware or cable, drops a machine that is too slow to take the packets.",
            units.PacketsPerSecond,
            *(
                series(
                    "sum without (device) "
                    f"(rate(node_network_{way}_{what}_total{DEVICES}[$__rate_interval]))",
                    f"{way} {word} {{{{instance}}}}",
                )
                for way in ("receive", "transmit")
                for what, word in (("errs", "errors"), ("drop", "drops"))
            ),
        ),
        graph(
            "Sent again",
            "TCP segments that had to be sent once more, of all. Above a few percent requests get slow.",
            units.PercentUnit,
            series(
                "rate(node_netstat_Tcp_RetransSegs{$target}[$__rate_interval]) "
                "/ (rate(node_netstat_Tcp_OutSegs{$target}[$__rate_interval]) > 0)",
                "{{instance}}",
            ),
        ),
        graph(
            "Connections that were not accepted",
            "A server's queue of new connections was full: clients wait and try again.",
            units.OpsPerSecond,
            series("rate(node_netstat_TcpExt_ListenOverflows{$target}[$__rate_interval])", "{{instance}}"),
        ),
        graph(
            "Sockets",
            "TCP sockets in use, and those that wait out their end. Hundreds of thousands of the latter use "
            "up the ports: a client without a pool.",
            units.Short,
            series("node_sockstat_TCP_inuse{$target}", "in use {{instance}}"),
            series("node_sockstat_TCP_tw{$target}", "time-wait {{instance}}"),
        ),
        graph(
            "Tracked connections",
            "Of what the firewall can track. At 100 % it drops packets of new ones; 0 without tracking.",
            units.PercentUnit,
            series(
                "node_nf_conntrack_entries{$target} / node_nf_conntrack_entries_limit{$target} "
                "or 0 * node_boot_time_seconds{$target}",
                "{{instance}}",
            ),
        ).max(1),
    ]


def processes() -> Panels:
    """Who on the machine uses it."""
    return [
        _process_groups(),
        _by_program(
            "CPU by program", "1 is a whole core. Groups of one program together.", _spent("cpu_seconds")
        ),
        _by_program(
            "Memory by program",
            "Shared memory divided among those that share it; only of processes that the exporter may look "
            "into.",
            f"sum without (memtype) (namedprocess_namegroup_memory_bytes{GROUP[:-1]}, "
            'memtype="proportionalResident"})',
            units.BytesIEC,
        ),
        _by_program(
            "Disk reads by program",
            "What the disks had to read for it; only of processes that the exporter may look into.",
            _spent("read_bytes"),
            units.BytesPerSecondIEC,
        ),
        _by_program(
            "Disk writes by program",
            "What the disks had to write for it; only of processes that the exporter may look into.",
            _spent("write_bytes"),
            units.BytesPerSecondIEC,
        ),
    ]


def _process_groups() -> tables.Panel:
    most = f"topk(20, sum without (mode) ({_spent('cpu_seconds')}))"
    memory = f"namedprocess_namegroup_memory_bytes{GROUP[:-1]}, memtype="
    return table(
        "Process groups by CPU",
        "The 20 groups that use most CPU; 100 % is a core. Memory in proportion counts what is shared once. "
        "Descriptors: of the process closest to its limit.",
        ["instance", "groupname"],
        Column("CPU", most, units.PercentUnit),
        Column("processes", _of_most(f"namedprocess_namegroup_num_procs{GROUP}", most), units.Short),
        Column("threads", _of_most(f"namedprocess_namegroup_num_threads{GROUP}", most), units.Short),
        Column("memory in proportion", _of_most(f'{memory}"proportionalResident"}}', most), units.BytesIEC),
        Column("swapped", _of_most(f'{memory}"swapped"}}', most), units.BytesIEC),
        Column("reads", _of_most(_spent("read_bytes"), most), units.BytesPerSecondIEC),
        Column("writes", _of_most(_spent("write_bytes"), most), units.BytesPerSecondIEC),
        Column(
            "descriptors", _of_most(f"namedprocess_namegroup_worst_fd_ratio{GROUP}", most), units.PercentUnit
        ),
        watched=["HostCpuHigh", "HostMemoryHigh", "HostPressureHigh"],
    )


def _spent(what: str) -> str:
    return f"rate(namedprocess_namegroup_{what}_total{GROUP}[$__rate_interval])"


def _of_most(expr: str, most: str) -> str:
    return among(expr, most, "groupname")


def _by_program(title: str, about: str, expr: str, unit: str = units.PercentUnit) -> timeseries.Panel:
    """The first word of a group's name is its program."""
    summed = f'sum by (instance, program) (label_replace({expr}, "program", "$1", "groupname", "(\\\\S+).*"))'
    return stacked(title, about, unit, series(summed, "{{program}} {{instance}}"))


def containers() -> Panels:
    """Control groups: those of containers and of units."""
    cpu = f"sum without (cpu) (rate(container_cpu_usage_seconds_total{CONTAINER}[$__rate_interval]))"
    quota = f"(container_spec_cpu_quota{CONTAINER} / container_spec_cpu_period{CONTAINER})"
    working = f"container_memory_working_set_bytes{CONTAINER}"
    return [
        table(
            "Control groups",
            "Use and limits of the control groups that the data stack runs in; without a limit its column "
            "is empty. Near 100 % of memory a process is killed, at 100 % of CPU all have to wait.",
            ["instance", "id"],
            Column("memory", working, units.BytesIEC),
            Column(
                "of its limit",
                f"{working} / (container_spec_memory_limit_bytes{CONTAINER} > 0)",
                units.PercentUnit,
            ),
            Column("CPU", cpu, units.PercentUnit),
            Column("of its quota", f"{cpu} / {quota}", units.PercentUnit),
            Column(
                "killed for memory",
                f"increase(container_oom_events_total{CONTAINER}[10m])",
                units.Short,
                "HostOomKill",
            ),
        ),
        table(
            "Programs and their container",
            "Which program of the data stack runs in which control group, with the memory of the group.",
            ["instance", "process", "id"],
            Column(
                "memory",
                f"container_watched_info{CONTAINER} * on (job, instance, id) group_left () {working}",
                units.BytesIEC,
            ),
        ).span(12),
        graph(
            "Memory of containers",
            "Without page cache that is not in use: what the limit is compared with.",
            units.BytesIEC,
            series(working, "{{id}} {{instance}}"),
            watched=["HostOomKill"],
        ),
        graph(
            "Denied CPU",
            "Part of the periods in which a container had used up its CPU quota and had to wait, though the "
            "host may be idle. No line without a quota.",
            units.PercentUnit,
            series(
                f"rate(container_cpu_cfs_throttled_periods_total{CONTAINER}[$__rate_interval]) "
                f"/ (rate(container_cpu_cfs_periods_total{CONTAINER}[$__rate_interval]) > 0)",
                "{{id}} {{instance}}",
            ),
        )
        .max(1)
        .no_value("no quota"),
        graph(
            "Pressure in containers",
            "Part of the time in which some thread of a container waited for memory; no line with version 1 "
            "of control groups.",
            units.PercentUnit,
            series(
                f"rate(container_pressure_memory_waiting_seconds_total{CONTAINER}[$__rate_interval])",
                "{{id}} {{instance}}",
            ),
        )
        .max(1)
        .no_value("not measured"),
    ]


def kernel() -> Panels:
    """What the kernel does beside, and how right its clock is."""
    return [
        graph(
            "Clock",
            "How wrong the clock is at most, and how far it is from its reference. 16 s is a clock that "
            "nobody keeps.",
            units.Seconds,
            series("node_timex_maxerror_seconds{$target}", "at most {{instance}}"),
            series("abs(node_timex_offset_seconds{$target})", "off {{instance}}"),
            watched=["HostClockSkew"],
        ),
        graph(
            "Open files",
            "File handles of the whole machine, of those that it gives out at most.",
            units.PercentUnit,
            series("node_filefd_allocated{$target} / node_filefd_maximum{$target}", "{{instance}}"),
        ).max(1),
        graph(
            "Processes that run or are blocked",
            "Those that run or are ready to, and those that wait for a disk.",
            units.Short,
            series("node_procs_running{$target}", "running {{instance}}"),
            series("node_procs_blocked{$target}", "blocked {{instance}}"),
            watched=["HostPressureHigh"],
        ),
        graph(
            "Switches and interrupts",
            "A jump without more work: too many threads fight for locks.",
            units.OpsPerSecond,
            series("rate(node_context_switches_total{$target}[$__rate_interval])", "switches {{instance}}"),
            series("rate(node_intr_total{$target}[$__rate_interval])", "interrupts {{instance}}"),
        ),
        graph(
            "Page faults with a disk",
            "Pages that had to be read in. Many of them while little memory is left: it is short.",
            units.OpsPerSecond,
            series("rate(node_vmstat_pgmajfault{$target}[$__rate_interval])", "{{instance}}"),
            watched=["HostMemoryHigh"],
        ),
        graph(
            "Data not written yet",
            "What programs wrote and no disk has. Gigabytes of it make the next fsync() slow.",
            units.BytesIEC,
            series("node_memory_Dirty_bytes{$target}", "dirty {{instance}}"),
            series("node_memory_Writeback_bytes{$target}", "on its way {{instance}}"),
        ),
    ]
