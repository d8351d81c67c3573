"""The host's files: /proc, /sys, and what else says how this machine is.

Nothing here keeps a value: each call reads. Files of /proc don't block, so they are read where they
are needed; of the files of /sys, only a network device's `speed` and `duplex` may wait for a lock.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, SettingsError, Skip, Unavailable
from exporter.sources.host.mounts import Mount, distinct, parse_mountinfo
from exporter.sources.host.options import HostOptions
from exporter.sources.host.statvfs import Answers, Statvfs

# The file is there, and the kernel or the driver behind it has nothing to say: pressure stall
# information switched off, the speed of a device that is down, a device that has just gone.
NOT_OFFERED = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENODEV, errno.ENXIO, errno.ESRCH, errno.EISDIR}
)

CHUNK_BYTES = 16384

_UDEV_PROPERTY = "E:"


@dataclass(frozen=True, slots=True)
class Clock:
    """The host's time: seconds since 1970, the zone's name and its offset from UTC in seconds."""

    now: float
    zone: str
    offset: int


class Host:
    """Reads one host; where its files are and which devices count is in the options.

    Args:
        options: roots and filters.
        statvfs: what asks the file systems; by default a process of its own.

    Attributes:
        options: as given.
        disk_device_exclude: the compiled filters, in which an empty expression matches nothing.
        netdev_device_exclude: as above.
        vmstat_fields: as above.
        netstat_fields: as above.

    Raises:
        SettingsError: a filter is not a regular expression.
    """

    def __init__(self, options: HostOptions | None = None, statvfs: Statvfs | None = None) -> None:
        self.options = options = options or HostOptions()
        self.disk_device_exclude = _compiled("disk_device_exclude", options.disk_device_exclude)
        self.netdev_device_exclude = _compiled("netdev_device_exclude", options.netdev_device_exclude)
        self.vmstat_fields = _compiled("vmstat_fields", options.vmstat_fields)
        self.netstat_fields = _compiled("netstat_fields", options.netstat_fields)
        self._mount_points_exclude = _compiled("mount_points_exclude", options.mount_points_exclude)
        self._fs_types_exclude = _compiled("fs_types_exclude", options.fs_types_exclude)
        self._statvfs = statvfs or Statvfs(options.statvfs_timeout_seconds)
        self._mounts: tuple[bytes, list[Mount]] = (b"", [])

    def read(self, relative: str) -> str:
        """The text of a file below /proc.

        Raises:
            Skip: it is not there, this user may not read it, or the kernel has it switched off.
            Unavailable: it can't be read for another reason.
        """
        return _text(self._bytes(f"{self.options.procfs}/{relative}"))

    def sys(self, relative: str) -> str:
        """The text of a file below /sys without white space around it; errors as in `read`."""
        return _text(self._bytes(f"{self.options.sysfs}/{relative}")).strip()

    def sys_or_none(self, relative: str) -> str | None:
        """The same; None where the file gives nothing, as is common for a device's attributes."""
        try:
            return _text(self._content(f"{self.options.sysfs}/{relative}")).strip()
        except OSError:
            return None

    def sys_names(self, relative: str) -> list[str]:
        """The sorted names in a folder below /sys; errors as in `read`."""
        path = f"{self.options.sysfs}/{relative}"
        try:
            return sorted(self._names(path))
        except OSError as error:
            raise _translated(path, error) from error

    def net(self, name: str) -> str:
        """The text of a file of the network statistics: of the host's network where it can be seen.

        `/proc/net` is the network namespace of whoever reads it, in a container the container's.
        Process 1 of a mounted host's /proc is the host's; where it can't be read, it is the
        reader's own after all. Errors as in `read`.
        """
        return _text(self._first(f"1/net/{name}", f"self/net/{name}", f"net/{name}"))

    def mounts(self) -> list[Mount]:
        """The mounted file systems that count: of process 1, else of this one. Errors as in `read`.

        The list is the same object as long as nothing changes.
        """
        data = self._first("1/mountinfo", "self/mountinfo")
        if data != self._mounts[0]:
            self._mounts = (
                data,
                distinct(m for m in parse_mountinfo(data, self.options.rootfs) if self._counts(m)),
            )
        return self._mounts[1]

    def udev(self, major: str, minor: str) -> Mapping[str, str]:
        """What udev's database says of a block device; empty where there is none."""
        try:
            text = _text(self._content(f"{self.options.udev_data}/b{major}:{minor}"))
        except OSError:
            return {}
        lines = (
            line.removeprefix(_UDEV_PROPERTY) for line in text.split("\n") if line.startswith(_UDEV_PROPERTY)
        )
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    async def statvfs(self, paths: Collection[bytes], deadline: Deadline) -> Answers:
        """How full the file systems at these paths are; a dead one costs only its own answer.

        Raises:
            DeadlineExceeded: another caller was being answered all the time.
            Unavailable: the process that asks can't be started.
        """
        return await self._statvfs.ask(paths, deadline)

    def uname(self) -> Mapping[str, str]:
        """The system's names: sysname, release, version, machine, nodename, domainname."""
        u = os.uname()
        try:
            domain = self.read("sys/kernel/domainname").strip()
        except (Skip, Unavailable):
            domain = "(none)"
        return {
            "sysname": u.sysname,
            "release": u.release,
            "version": u.version,
            "machine": u.machine,
            "nodename": u.nodename,
            "domainname": domain,
        }

    def clock(self) -> Clock:
        """The time and the zone."""
        now = time.time()
        local = time.localtime(now)
        return Clock(now, local.tm_zone, local.tm_gmtoff)

    async def close(self) -> None:
        """Ends the process that asks the file systems."""
        await self._statvfs.close()

    def _counts(self, mount: Mount) -> bool:
        return not (
            self._mount_points_exclude.search(mount.mountpoint) or self._fs_types_exclude.search(mount.fstype)
        )

    def _first(self, *relative: str) -> bytes:
        """The first of these files below /proc that can be read."""
        for path in relative[:-1]:
            try:
                return self._bytes(f"{self.options.procfs}/{path}")
            except (Skip, Unavailable):
                continue
        return self._bytes(f"{self.options.procfs}/{relative[-1]}")

    def _bytes(self, path: str) -> bytes:
        try:
            return self._content(path)
        except OSError as error:
            raise _translated(path, error) from error

    def _content(self, path: str) -> bytes:
        if "\0" in path:  # a damaged device's name
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        # Plain system calls: half the cost of a file object, and a scrape reads a hundred files.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            content = chunk = os.read(fd, CHUNK_BYTES)
            while chunk:
                chunk = os.read(fd, CHUNK_BYTES)
                content += chunk
        finally:
            os.close(fd)
        return content

    def _names(self, path: str) -> list[str]:
        return os.listdir(path)  # noqa: PTH208 - names, not paths


def _text(content: bytes) -> str:
    return content.decode(errors="backslashreplace")


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern or r"(?!)")
    except re.error as error:
        finding = f"host.{name}: {pattern!r} is not a regular expression: {error}"
        raise SettingsError([finding]) from error


def _translated(path: str, error: OSError) -> Skip | Unavailable:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Skip(Reason.UNSUPPORTED, f"{path}: this machine has no such file")
    if isinstance(error, PermissionError):
        return Skip(Reason.PERMISSION, f"{path}: the exporter's user may not read it")
    if error.errno in NOT_OFFERED:
        return Skip(Reason.UNSUPPORTED, f"{path}: the kernel does not offer it ({error.strerror})")
    return Unavailable(f"{path}: can't be read: {error.strerror}")
