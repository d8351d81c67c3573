"""The metrics of control groups, under cAdvisor's names."""

from __future__ import annotations

from exporter.model.metric import counter, gauge

ID = ("id",)
BY_DEVICE = ("id", "device")

CPU_USAGE = counter(
    "container_cpu_usage_seconds_total", "CPU time of the control group, of all cores.", ("id", "cpu")
)
CPU_USER = counter(
    "container_cpu_user_seconds_total", "CPU time of the control group outside the kernel.", ID
)
CPU_SYSTEM = counter("container_cpu_system_seconds_total", "CPU time of the control group in the kernel.", ID)
CFS_PERIODS = counter(
    "container_cpu_cfs_periods_total",
    "Periods in which the control group was held to its CPU quota, where it has one.",
    ID,
)
CFS_THROTTLED = counter(
    "container_cpu_cfs_throttled_periods_total", "Periods in which the CPU quota was used up.", ID
)
CFS_SECONDS = counter(
    "container_cpu_cfs_throttled_seconds_total",
    "Time that CPUs were denied because the quota was used up.",
    ID,
)
QUOTA = gauge(
    "container_spec_cpu_quota",
    "Microseconds of CPU time in each period: the tightest quota of the control group and those above it.",
    ID,
)
PERIOD = gauge("container_spec_cpu_period", "Length of the CPU quota's period in microseconds.", ID)
SHARES = gauge("container_spec_cpu_shares", "Part of the CPU beside other control groups; 1024 is usual.", ID)

MEMORY = gauge(
    "container_memory_usage_bytes", "Memory of the control group, with the page cache it has filled.", ID
)
WORKING_SET = gauge(
    "container_memory_working_set_bytes",
    "Memory without the page cache that is not in use: what a limit is compared with.",
    ID,
)
RSS = gauge("container_memory_rss", "Memory that is no copy of a file, in bytes.", ID)
CACHE = gauge("container_memory_cache", "Page cache in bytes.", ID)
MAPPED = gauge("container_memory_mapped_file", "Page cache of files that are mapped, in bytes.", ID)
SWAP = gauge("container_memory_swap", "Swap in bytes.", ID)
PEAK = gauge("container_memory_max_usage_bytes", "The most memory that the control group ever had.", ID)
FAILCNT = counter("container_memory_failcnt", "How often the memory limit was reached.", ID)
FAILURES = counter(
    "container_memory_failures_total",
    "Page faults of the control group, and with those below it.",
    ("id", "failure_type", "scope"),
)
OOM = counter("container_oom_events_total", "Processes killed because the memory limit was reached.", ID)
LIMIT = gauge(
    "container_spec_memory_limit_bytes",
    "The tightest memory limit of the control group and those above it; 0 for none.",
    ID,
)
RESERVATION = gauge(
    "container_spec_memory_reservation_limit_bytes",
    "Memory that is protected when it is short on the machine; 0 for none.",
    ID,
)
SWAP_LIMIT = gauge(
    "container_spec_memory_swap_limit_bytes",
    "Limit of swap, in version 1 of memory and swap together; 0 for none.",
    ID,
)

THREADS = gauge("container_threads", "Threads in the control group.", ID)
THREADS_MAX = gauge("container_threads_max", "Threads that there may be; 0 for no limit.", ID)

PRESSURE = {
    "cpu": (
        counter(
            "container_pressure_cpu_waiting_seconds_total", "Time in which some thread waited for a CPU.", ID
        ),
        counter(
            "container_pressure_cpu_stalled_seconds_total", "Time in which all threads waited for a CPU.", ID
        ),
    ),
    "memory": (
        counter(
            "container_pressure_memory_waiting_seconds_total",
            "Time in which some thread waited for memory.",
            ID,
        ),
        counter(
            "container_pressure_memory_stalled_seconds_total",
            "Time in which all threads waited for memory.",
            ID,
        ),
    ),
    "io": (
        counter(
            "container_pressure_io_waiting_seconds_total", "Time in which some thread waited for a disk.", ID
        ),
        counter(
            "container_pressure_io_stalled_seconds_total", "Time in which all threads waited for a disk.", ID
        ),
    ),
}

READ_BYTES = counter("container_fs_reads_bytes_total", "Bytes read from the device.", BY_DEVICE)
WRITTEN_BYTES = counter("container_fs_writes_bytes_total", "Bytes written to the device.", BY_DEVICE)
READS = counter("container_fs_reads_total", "Reads from the device.", BY_DEVICE)
WRITES = counter("container_fs_writes_total", "Writes to the device.", BY_DEVICE)

START = gauge(
    "container_start_time_seconds", "Start of the first known process in the control group as Unix time.", ID
)

SCOPE = gauge(
    "container_scope_info",
    "Always 1; `scope` says whose control groups can be seen from here: `self`, `pod` or `host`.",
    ("scope", "id", "version"),
)
UNREADABLE = gauge(
    "container_scope_unreadable_cgroups",
    "Control groups of processes that can be seen, while the groups themselves can't.",
)
WATCHED = gauge(
    "container_watched_info",
    "Always 1; the program of the data stack that runs in the control group.",
    ("id", "process"),
)

PLAIN = (
    *(CPU_USER, CPU_SYSTEM, CFS_PERIODS, CFS_THROTTLED, CFS_SECONDS, QUOTA, PERIOD, SHARES),
    *(MEMORY, WORKING_SET, RSS, CACHE, MAPPED, SWAP, PEAK, FAILCNT, OOM, LIMIT, RESERVATION, SWAP_LIMIT),
    *(THREADS, THREADS_MAX),
    *(metric for pair in PRESSURE.values() for metric in pair),
    START,
)
"""Those with one value for each control group."""
DEVICES = (READ_BYTES, WRITTEN_BYTES, READS, WRITES)
EVERY = (CPU_USAGE, *PLAIN, FAILURES, *DEVICES, SCOPE, UNREADABLE, WATCHED)
