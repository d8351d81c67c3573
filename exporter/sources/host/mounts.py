"""The mounted file systems, from /proc/PID/mountinfo (proc_pid_mountinfo(5))."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

REMOTE_TYPES = ("nfs", "cifs", "smb", "fuse", "ceph", "9p", "glusterfs", "lustre", "afs")

READONLY = frozenset({b"ro", b"emergency_ro"})

_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system.

    Attributes:
        device: what is mounted: `/dev/sda1`, `server:/export`, `tmpfs`.
        mountpoint: where, as the host sees it.
        path: the same, as this process reaches it: below `rootfs`, bytes as the kernel has them.
        fstype: its type: `ext4`, `nfs4`.
        major: major number of the device.
        minor: minor number of the device.
        readonly: whether the mount or the file system refuses writes.
        reachable: whether it is what this process finds at `path`.
    """

    device: str
    mountpoint: str
    path: bytes
    fstype: str
    major: str
    minor: str
    readonly: bool
    reachable: bool = True

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two mounts the same on the page."""
        return (self.device, self.mountpoint, self.fstype)

    @property
    def remote(self) -> bool:
        """Whether somebody else answers for it, as far as its type and its device tell."""
        return self.fstype.startswith(REMOTE_TYPES) or ":" in self.device or self.device.startswith("//")


def parse_mountinfo(data: bytes, rootfs: str = "/") -> list[Mount]:
    """The mounts in the kernel's order; a line that is not understood is left out."""
    root = rootfs.rstrip("/").encode()
    parsed = (_mount(line, root) for line in data.split(b"\n"))
    return [mount for mount in parsed if mount is not None]


def distinct(mounts: Iterable[Mount]) -> list[Mount]:
    """The mounts without those that repeat device, mount point and type of an earlier one."""
    first: dict[tuple[str, str, str], Mount] = {}
    for mount in mounts:
        first.setdefault(mount.key, mount)
    return list(first.values())


class Places(dict[bytes, bytes]):
    """Where what is mounted: path -> device number and the folder of it that is shown there.

    Args:
        data: a mountinfo; of mounts on top of each other the last one counts.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__()
        for line in data.split(b"\n"):
            fields = line.split(b" ", 5)
            if len(fields) > 5:
                self[_unescaped(fields[4])] = b" ".join(fields[2:4])


def shows(theirs: Places, own: Places, rootfs: str) -> bool:
    """Whether the root file system of the others is what this process has at `rootfs`."""
    return b"/" in theirs and own.get(rootfs.encode()) == theirs[b"/"]


def checked(mounts: Iterable[Mount], theirs: Places, own: Places) -> list[Mount]:
    """The mounts of the others; those that this process has not at their place are not reachable."""
    found = []
    for mount in mounts:
        place = mount.path.removesuffix(b"/") or b"/"
        there = theirs.get(os.fsencode(mount.mountpoint))
        found.append(replace(mount, reachable=there is None or own.get(place) == there))
    return found


def _mount(line: bytes, root: bytes) -> Mount | None:
    fields = line.split(b" ")
    try:
        dash = fields.index(b"-", 6)
        fstype, device, super_options = fields[dash + 1 : dash + 4]
    except ValueError:
        return None
    major, colon, minor = fields[2].partition(b":")
    if not (colon and major.isdigit() and minor.isdigit()):
        return None
    inside = _unescaped(fields[4])
    if (inside + b"/").startswith(root + b"/"):
        inside = inside[len(root) :] or b"/"
    options = {*fields[5].split(b","), *super_options.split(b",")}
    return Mount(
        device=_text(device),
        mountpoint=_text(inside),
        path=root + inside,
        fstype=_text(fstype),
        major=_text(major),
        minor=_text(minor),
        readonly=not READONLY.isdisjoint(options),
    )


def _unescaped(field: bytes) -> bytes:
    """A path whose spaces, tabs, line feeds and backslashes the kernel wrote in octal."""
    if b"\\" not in field:
        return field
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), field)


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")
