"""Where the host's files are, and which of its devices count.

The defaults of the filters are node_exporter's, so that a page has the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MOUNT_POINTS_EXCLUDE = (
    r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
)
FS_TYPES_EXCLUDE = (
    r"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue"
    r"|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$"
)
DISK_DEVICE_EXCLUDE = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"
VMSTAT_FIELDS = r"^(oom_kill|pgpg|pswp|pg.*fault).*"
NETSTAT_FIELDS = (
    r"^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
    r"|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)"
    r"|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
    r"|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"
)
SYSTEMD_UNIT_INCLUDE = r".+"
SYSTEMD_UNIT_EXCLUDE = r".+\.(automount|device|mount|scope|slice)"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """What can be set about the host; regular expressions match anywhere unless they say `^` or `$`.

    Attributes:
        procfs: where the host's /proc is mounted (`/host/proc` in a container).
        sysfs: where the host's /sys is.
        rootfs: where the host's / is; file systems are asked below it, and shown without it.
        udev_data: udev's database, which knows the models and serial numbers of disks; empty for the one
            below `rootfs`.
        mount_points_exclude: mount points that are left out; empty leaves none out.
        fs_types_exclude: file system types that are left out.
        disk_device_exclude: block devices that are left out.
        netdev_device_exclude: network devices that are left out, their traffic and their state.
        vmstat_fields: fields of /proc/vmstat that are shown.
        netstat_fields: fields of the protocols' counters that are shown, as `Tcp_InSegs`.
        textfile_directory: where users put files with metrics of their own; None for nowhere.
        statvfs_timeout_seconds: how long one file system may take to say how full it is.
        process_groups_file: which processes belong together, as process-exporter's configuration file says
            it; None for the groups of a data stack.
        process_children: whether a process without a group of its own is in its parent's.
        process_pss_seconds: how much of each run may go into asking for proportional memory.
        process_threads: whether threads are counted by name and by what they wait for.
        cgroupfs: where the control groups are mounted; None for `fs/cgroup` in `sysfs`.
        container_labels: labels of this process's own control group: (name, value) pairs.
        systemd_unit_include: systemd units that are shown one by one; it matches whole names, as upstream's.
        systemd_unit_exclude: those of them that are left out, in the same way.
        systemd_bus: socket of the D-Bus system bus; empty for the one below `rootfs`.
    """

    procfs: str = "/proc"
    sysfs: str = "/sys"
    rootfs: str = "/"
    udev_data: str = ""
    mount_points_exclude: str = MOUNT_POINTS_EXCLUDE
    fs_types_exclude: str = FS_TYPES_EXCLUDE
    disk_device_exclude: str = DISK_DEVICE_EXCLUDE
    netdev_device_exclude: str = ""
    vmstat_fields: str = VMSTAT_FIELDS
    netstat_fields: str = NETSTAT_FIELDS
    textfile_directory: str | None = None
    statvfs_timeout_seconds: float = 2.0

    @property
    def udev(self) -> str:
        """Where udev's database is."""
        return self.udev_data or f"{self.rootfs.rstrip('/')}/run/udev/data"

    process_groups_file: Path | None = None
    process_children: bool = True
    process_pss_seconds: float = 0.1
    process_threads: bool = False
    cgroupfs: str | None = None
    container_labels: tuple[tuple[str, str], ...] = ()
    systemd_unit_include: str = SYSTEMD_UNIT_INCLUDE
    systemd_unit_exclude: str = SYSTEMD_UNIT_EXCLUDE
    systemd_bus: str = ""

    @property
    def system_bus(self) -> str:
        """The socket of the system bus."""
        return self.systemd_bus or f"{self.rootfs.rstrip('/')}/run/dbus/system_bus_socket"
