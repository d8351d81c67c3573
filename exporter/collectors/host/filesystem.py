"""How full the mounted file systems are, from /proc/1/mountinfo and statvfs(3)."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Partial, Reason, Skip
from exporter.model.metric import gauge
from exporter.model.table import Column, Table
from exporter.sources.host import Answers, Host, Mount, Space

LABELS = ("device", "mountpoint", "fstype", "device_error")

SIZE = gauge("node_filesystem_size_bytes", "Size of the file system.", LABELS)
FREE = gauge(
    "node_filesystem_free_bytes", "Free space of the file system, with what only root may use.", LABELS
)
AVAILABLE = gauge(
    "node_filesystem_avail_bytes", "Free space of the file system that any user may use.", LABELS
)
FILES = gauge("node_filesystem_files", "Inodes of the file system.", LABELS)
FILES_FREE = gauge("node_filesystem_files_free", "Free inodes of the file system.", LABELS)
READONLY = gauge(
    "node_filesystem_readonly", "1 if the file system refuses writes, 0 if it takes them.", LABELS
)
DEVICE_ERROR = gauge(
    "node_filesystem_device_error",
    "1 if the file system did not say how full it is, with the reason as a label; 0 if it did.",
    LABELS,
)
MOUNT_INFO = gauge(
    "node_filesystem_mount_info",
    "Always 1; its labels are the numbers of the mounted device.",
    ("device", "major", "minor", "mountpoint"),
)

UNREACHABLE = "not mounted below rootfs"
"""The error of a mount of the host that this process has not: its place has another file system's numbers."""


def tables(mounts: Sequence[Mount], answers: Answers) -> list[Table]:
    """The tables of the mounts that were asked: space, state and device numbers."""
    answered = [(mount, answers[mount.path]) for mount in mounts if mount.path in answers]
    healthy = [(mount, space) for mount, space in answered if isinstance(space, Space)]
    spaces = [space for _, space in healthy]
    numbered = [mount for mount, _ in healthy if mount.major]
    errors = ["" if isinstance(answer, Space) else answer for _, answer in answered]
    return [
        Table(
            LABELS,
            [(*mount.key, error) for (mount, _), error in zip(answered, errors, strict=True)],
            [
                Column(DEVICE_ERROR, [int(error != "") for error in errors]),
                Column(READONLY, [int(mount.readonly) for mount, _ in answered]),
            ],
        ),
        Table(
            LABELS,
            [(*mount.key, "") for mount, _ in healthy],
            [
                Column(SIZE, [space.size for space in spaces]),
                Column(FREE, [space.free for space in spaces]),
                Column(AVAILABLE, [space.available for space in spaces]),
                Column(FILES, [space.files for space in spaces]),
                Column(FILES_FREE, [space.files_free for space in spaces]),
            ],
        ),
        Table(
            MOUNT_INFO.labels,
            [(mount.device, mount.major, mount.minor, mount.mountpoint) for mount in numbered],
            [Column(MOUNT_INFO, (1,) * len(numbered))],
        ),
    ]


def build(host: Host) -> Collect:
    """Lists the mounts, and asks each how full it is.

    The collecting function raises `Partial` with the other mounts' tables when some could not be
    asked, because too many hang already or because the time was up.
    """

    async def collect(deadline: Deadline) -> Sequence[Table]:
        mounts = host.mounts()
        if not mounts:
            raise Skip(Reason.NO_DATA, "/proc/1/mountinfo: no file system that is not excluded")
        local_first = sorted(mounts, key=lambda mount: mount.remote)
        asked = dict.fromkeys(mount.path for mount in local_first if mount.reachable)
        lost = {mount.path: UNREACHABLE for mount in mounts if not mount.reachable}
        answers = {**lost, **await host.statvfs(asked, deadline)}
        collected = tables(mounts, answers)
        left_out = [mount.mountpoint for mount in mounts if mount.path not in answers]
        if left_out:
            named = ", ".join(left_out[:5])
            text = f"{len(left_out)} file systems were not asked, others hang or took all the time: {named}"
            raise Partial(collected, DeadlineExceeded(text))
        return collected

    return collect


COLLECTOR = CollectorSpec(
    help="How full the mounted file systems are, from /proc/1/mountinfo and statvfs(3).",
    source="host",
    metrics=(SIZE, FREE, AVAILABLE, FILES, FILES_FREE, READONLY, DEVICE_ERROR, MOUNT_INFO),
    build=build,
    docs="proc_pid_mountinfo(5), statvfs(3)",
    explain=lambda _: "reads /proc/1/mountinfo; a process of its own calls statvfs(3) for each mount",
)
