"""Trees of control groups, written from the kernel's documentation; no capture of a machine.

Version 2 by the lists of files and fields in Documentation/admin-guide/cgroup-v2.rst, version 1 by
Documentation/admin-guide/cgroup-v1 (memory.rst, cpuacct.rst, pids.rst, blkio-controller.rst) and
Documentation/scheduler/sched-bwc.rst.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.unit.sources.host.files_in_memory import Content, stat

CGROUPFS = "/sys/fs/cgroup"
UNIFIED_MOUNT = "30 23 0:26 {root} {point} ro,nosuid shared:4 - cgroup2 cgroup rw,nsdelegate\n"
V1_MOUNT = "32 31 0:29 {root} {point} rw - cgroup cgroup rw,{controllers}\n"
V1_FOLDERS = {"cpu,cpuacct": "cpu,cpuacct", "memory": "memory", "pids": "pids", "blkio": "blkio"}

PSI = (
    "some avg10=0.00 avg60=0.00 avg300=0.00 total={some}\n"
    "full avg10=0.00 avg60=0.00 avg300=0.00 total={full}\n"
)

ROOT_2 = {"cgroup.controllers": "cpu io memory pids\n", "cgroup.procs": "1\n"}
ROOT_1 = {"notify_on_release": "0\n", "release_agent": "\n"}

GROUP_2 = {
    "cgroup.controllers": "cpu io memory pids\n",
    "cgroup.events": "populated 1\nfrozen 0\n",
    "cpu.stat": "usage_usec 7500000\nuser_usec 5000000\nsystem_usec 2500000\ncore_sched.force_idle_usec 0\n"
    "nr_periods 90\nnr_throttled 30\nthrottled_usec 4500000\nnr_bursts 0\nburst_usec 0\n",
    "cpu.max": "50000 100000\n",
    "cpu.weight": "100\n",
    "cpu.pressure": PSI.format(some=1_500_000, full=500_000),
    "memory.current": "104857600\n",
    "memory.stat": "anon 52428800\nfile 41943040\nkernel 1048576\nfile_mapped 8388608\ninactive_anon 0\n"
    "active_anon 52428800\ninactive_file 20971520\nactive_file 20971520\npgfault 1234\npgmajfault 12\n",
    "memory.max": "268435456\n",
    "memory.high": "max\n",
    "memory.low": "0\n",
    "memory.min": "16777216\n",
    "memory.peak": "134217728\n",
    "memory.events": "low 0\nhigh 0\nmax 17\noom 2\noom_kill 1\noom_group_kill 0\n",
    "memory.swap.current": "4096\n",
    "memory.swap.max": "max\n",
    "memory.pressure": PSI.format(some=2_000_000, full=1_000_000),
    "pids.current": "11\n",
    "pids.max": "max\n",
    "io.stat": "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n",
    "io.pressure": PSI.format(some=3_000_000, full=2_500_000),
}

GROUP_1 = {
    "memory": {
        "notify_on_release": "0\n",
        "memory.usage_in_bytes": "104857600\n",
        "memory.max_usage_in_bytes": "134217728\n",
        "memory.limit_in_bytes": "268435456\n",
        "memory.memsw.limit_in_bytes": "9223372036854771712\n",
        "memory.soft_limit_in_bytes": "9223372036854771712\n",
        "memory.failcnt": "17\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
        "memory.stat": "cache 1\nrss 2\nmapped_file 3\npgfault 1000\npgmajfault 10\ninactive_file 4\n"
        "hierarchical_memory_limit 268435456\nhierarchical_memsw_limit 9223372036854771712\n"
        "total_cache 41943040\ntotal_rss 52428800\ntotal_mapped_file 8388608\ntotal_swap 4096\n"
        "total_pgfault 1234\ntotal_pgmajfault 12\ntotal_inactive_file 20971520\n",
    },
    "cpu,cpuacct": {
        "notify_on_release": "0\n",
        "cpu.cfs_quota_us": "50000\n",
        "cpu.cfs_period_us": "100000\n",
        "cpu.shares": "512\n",
        "cpu.stat": "nr_periods 90\nnr_throttled 30\nthrottled_time 4500000000\n",
        "cpuacct.usage": "7500000000\n",
        "cpuacct.stat": "user 500\nsystem 250\n",
    },
    "pids": {"notify_on_release": "0\n", "pids.current": "11\n", "pids.max": "100\n"},
    "blkio": {
        "notify_on_release": "0\n",
        "blkio.throttle.io_service_bytes": "8:16 Read 1459200\n8:16 Write 314773504\n8:16 Sync 0\n"
        "8:16 Total 316232704\nTotal 316232704\n",
        "blkio.throttle.io_serviced": "8:16 Read 192\n8:16 Write 353\n8:16 Total 545\nTotal 545\n",
    },
}

DEVICE = {"/sys/dev/block/8:16/uevent": "MAJOR=8\nMINOR=16\nDEVNAME=sdb\nDEVTYPE=disk\n"}


def below(folder: str, files: Mapping[str, str]) -> dict[str, Content]:
    """The files in a folder."""
    return {f"{folder}/{name}": text for name, text in files.items()}


def machine(groups: Mapping[str, str], mounts: str) -> dict[str, Content]:
    """A /proc with these processes: pid or `self` -> the text of its `cgroup`."""
    files: dict[str, Content] = {"/proc/self/mountinfo": mounts, "/proc/stat": "cpu 1\nbtime 1000\n"}
    for pid, text in groups.items():
        files[f"/proc/{pid}/cgroup"] = text
        files[f"/proc/{pid}/stat"] = stat(1 if pid == "self" else int(pid), "exporter", started=500)
    return files


def version_2(groups: Mapping[str, str], *, root: str = "/", point: str = CGROUPFS) -> dict[str, Content]:
    """A machine of version 2: pid or `self` -> its group's path."""
    return {
        **machine(
            {pid: f"0::{path}\n" for pid, path in groups.items()},
            UNIFIED_MOUNT.format(root=root, point=point),
        ),
        **DEVICE,
    }


def version_1(groups: Mapping[str, str], *, root: str = "/") -> dict[str, Content]:
    """The same for version 1, each process in the same group of all hierarchies."""
    lines = {
        pid: "".join(f"{n}:{names}:{path}\n" for n, names in enumerate(V1_FOLDERS, 2)) + "1:name=systemd:/x\n"
        for pid, path in groups.items()
    }
    mounts = "".join(
        V1_MOUNT.format(root=root, point=f"{CGROUPFS}/{folder}", controllers=names)
        for names, folder in V1_FOLDERS.items()
    )
    return {**machine(lines, mounts), **DEVICE}


def group_1(path: str) -> dict[str, Content]:
    """The files of a group of version 1 in all hierarchies."""
    found: dict[str, Content] = {}
    for folder, files in GROUP_1.items():
        found |= below(f"{CGROUPFS}/{folder}{path}", files)
    return found
