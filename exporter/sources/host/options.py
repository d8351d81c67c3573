"""Where the host's files are, and which of its devices count.

The defaults of the filters are node_exporter's, so that a page has the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """What can be set about the host; regular expressions match anywhere unless they say `^` or `$`.

    Attributes:
        procfs: where the host's /proc is mounted (`/host/proc` in a container).
        sysfs: where the host's /sys is.
        rootfs: where the host's / is; file systems are asked below it, and shown without it.
        udev_data: udev's database, which knows the models and serial numbers of disks.
        mount_points_exclude: mount points that are left out; empty leaves none out.
        fs_types_exclude: file system types that are left out.
        disk_device_exclude: block devices that are left out.
        netdev_device_exclude: network devices that are left out, their traffic and their state.
        vmstat_fields: fields of /proc/vmstat that are shown.
        netstat_fields: fields of the protocols' counters that are shown, as `Tcp_InSegs`.
        statvfs_timeout_seconds: how long one file system may take to say how full it is.
    """

    procfs: str = "/proc"
    sysfs: str = "/sys"
    rootfs: str = "/"
    udev_data: str = "/run/udev/data"
    mount_points_exclude: str = MOUNT_POINTS_EXCLUDE
    fs_types_exclude: str = FS_TYPES_EXCLUDE
    disk_device_exclude: str = DISK_DEVICE_EXCLUDE
    netdev_device_exclude: str = ""
    vmstat_fields: str = VMSTAT_FIELDS
    netstat_fields: str = NETSTAT_FIELDS
    statvfs_timeout_seconds: float = 2.0
