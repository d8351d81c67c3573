"""A host that is not Linux: psutil's numbers in the form of Linux's /proc.

The collectors read the same text everywhere; what the system does not count stands as `-`, which
gives no sample. All other files are missing, so their collectors are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

from exporter.model.errors import Reason, Skip
from exporter.sources.host.files import Host
from exporter.sources.host.mounts import Mount, distinct
from exporter.sources.host.processes import Processes
from exporter.sources.host.processes_elsewhere import PsutilProcesses
from exporter.sources.host.view import View

UNKNOWN = "-"
SECTOR_BYTES = 512


class ElsewhereHost(Host):
    """Answers `loadavg`, `stat`, `meminfo`, `diskstats` and `net/dev` from psutil."""

    def read(self, relative: str) -> str:
        """What the file would say on Linux.

        Raises:
            Skip: psutil does not know it.
        """
        write = _FILES.get(relative)
        if write is None:
            raise Skip(Reason.UNSUPPORTED, f"/proc/{relative}: only Linux has this file")
        return write()

    def reread(self, relative: str) -> str:
        """The same."""
        return self.read(relative)

    def root(self, relative: str) -> str:
        """Always a Skip: other systems describe themselves otherwise."""
        raise Skip(Reason.UNSUPPORTED, f"/{relative}: only Linux has this file")

    def view(self) -> View:
        """Always a Skip: only Linux has namespaces."""
        raise Skip(Reason.UNSUPPORTED, "only Linux has namespaces")

    def timex(self) -> Mapping[str, int]:
        """Always a Skip: only Linux has this call."""
        raise Skip(Reason.UNSUPPORTED, "adjtimex(2): only Linux has this call")

    def sys(self, relative: str) -> str:
        """Always a Skip: only Linux has /sys."""
        raise Skip(Reason.UNSUPPORTED, f"/sys/{relative}: only Linux has this file")

    def sys_or_none(self, relative: str) -> str | None:
        """Always None."""
        with suppress(Skip):
            return self.sys(relative)
        return None

    def sys_names(self, relative: str) -> list[str]:
        """Always a Skip: only Linux has /sys."""
        raise Skip(Reason.UNSUPPORTED, f"/sys/{relative}: only Linux has this folder")

    def net(self, name: str) -> str:
        """`dev`, the network devices; a Skip for anything else."""
        return self.read(f"net/{name}")

    def net_once(self, name: str) -> str:
        """The same."""
        return self.net(name)

    def processes(self) -> Processes:
        """The processes that psutil lists."""
        return PsutilProcesses()

    def mounts(self) -> list[Mount]:
        """The mounted file systems that count; device numbers are not known."""
        parts = psutil.disk_partitions(all=False)
        mounts = [
            Mount(
                device=part.device,
                mountpoint=part.mountpoint,
                path=os.fsencode(part.mountpoint),
                fstype=part.fstype,
                major="",
                minor="",
                readonly="ro" in part.opts.split(","),
            )
            for part in parts
        ]
        return distinct(filter(self.counts, mounts))


def _loadavg() -> str:
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def _stat() -> str:
    ticks = os.sysconf("SC_CLK_TCK")
    counts = psutil.cpu_stats()
    lines = [
        f"cpu{n} " + " ".join(f"{seconds * ticks:.0f}" for seconds in (t.user, t.nice, t.system, t.idle))
        for n, t in enumerate(psutil.cpu_times(percpu=True))
    ]
    lines += [
        f"intr {counts.interrupts}",
        f"ctxt {counts.ctx_switches}",
        f"btime {psutil.boot_time():.0f}",
    ]
    return "\n".join(lines)


def _meminfo() -> str:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    fields = {
        "MemTotal": memory.total,
        "MemFree": memory.free,
        "MemAvailable": memory.available,
        "Active": memory.active,
        "Inactive": memory.inactive,
        "SwapTotal": swap.total,
        "SwapFree": swap.free,
    }
    return "\n".join(f"{name}: {value // 1024} kB" for name, value in fields.items())


def _diskstats() -> str:
    # Totals as the system has them: psutil would add the old ones again after a device's reset.
    counters = psutil.disk_io_counters(perdisk=True, nowrap=False)
    lines = []
    for name, c in counters.items():
        reads = (c.read_count, UNKNOWN, c.read_bytes // SECTOR_BYTES, c.read_time)
        writes = (c.write_count, UNKNOWN, c.write_bytes // SECTOR_BYTES, c.write_time)
        lines.append(" ".join(map(str, (UNKNOWN, UNKNOWN, name, *reads, *writes, *(UNKNOWN,) * 3))))
    return "\n".join(lines)


def _net_dev() -> str:
    counters = psutil.net_io_counters(pernic=True, nowrap=False)
    lines = []
    for name, c in counters.items():
        receive = (c.bytes_recv, c.packets_recv, c.errin, c.dropin, *(UNKNOWN,) * 4)
        transmit = (c.bytes_sent, c.packets_sent, c.errout, c.dropout, *(UNKNOWN,) * 4)
        lines.append(f"{name}: " + " ".join(map(str, (*receive, *transmit))))
    return "\n".join(lines)


_FILES: dict[str, Callable[[], str]] = {
    "loadavg": _loadavg,
    "stat": _stat,
    "meminfo": _meminfo,
    "diskstats": _diskstats,
    "net/dev": _net_dev,
}
