"""The host's files: /proc, /sys, and what else says how this machine is.

Nothing here keeps a value, but for the list of mounts and the view: each call reads. Files of /proc don't
block, so they are read where they are needed; of the files of /sys, those that ask a device or wait for a
lock are read in a thread (`aside.py`).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Collection, Mapping
from time import monotonic

from exporter.model.deadline import Deadline
from exporter.model.errors import SettingsError, Skip, Unavailable
from exporter.sources.host import clock, view
from exporter.sources.host.mount_list import MountList
from exporter.sources.host.mounts import Mount
from exporter.sources.host.open_files import CHUNK_BYTES, OpenFiles
from exporter.sources.host.options import HostOptions
from exporter.sources.host.os_errors import translated
from exporter.sources.host.processes import Processes
from exporter.sources.host.processes_files import ProcessFiles
from exporter.sources.host.statvfs import Answers, Statvfs
from exporter.sources.host.view import View

VIEW_SECONDS = 60.0
"""How long it is taken for granted whose machine the files show."""

_UDEV_PROPERTY = "E:"


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
        self._open = OpenFiles()
        self._mounts = MountList(self._own_mounts, self.counts, options.rootfs)
        self._view: tuple[float, View] | None = None

    def read(self, relative: str) -> str:
        """The text of a file below /proc.

        Raises:
            Skip: it is not there, this user may not read it, or the kernel has it switched off.
            Unavailable: it can't be read for another reason.
        """
        return _text(self._bytes(f"{self.options.procfs}/{relative}"))

    def reread(self, relative: str) -> str:
        """The same for a file that each scrape reads: it stays open. For the event loop's thread only."""
        return _text(self._bytes_again(f"{self.options.procfs}/{relative}"))

    def root(self, relative: str) -> str:
        """The text of a file below the host's root; errors as in `read`."""
        return _text(self._bytes(f"{self.options.rootfs.rstrip('/')}/{relative}"))

    def proc_bytes(self, relative: str) -> bytes:
        """The content of a file below /proc that may vanish at any time. Raises the system's errors."""
        return self._content(f"{self.options.procfs}/{relative}")

    def proc_names(self, relative: str) -> list[str]:
        """The names in a folder below /proc; errors as in `proc_bytes`."""
        return self._names(f"{self.options.procfs}/{relative}")

    def processes(self) -> Processes:
        """The host's processes."""
        return ProcessFiles(self)

    @property
    def cgroupfs(self) -> str:
        """Where the control groups are mounted."""
        return self.options.cgroupfs or f"{self.options.sysfs}/fs/cgroup"

    def cgroup(self, relative: str) -> str | None:
        """The text of a control group's file; None where it can't be read."""
        try:
            return _text(self._bytes_again(f"{self.cgroupfs}/{relative}"))
        except (Skip, Unavailable):
            return None

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
        return self._sorted_names(f"{self.options.sysfs}/{relative}")

    def sys_path(self, relative: str) -> str:
        """The path of something below /sys with all links followed: it says where a device is."""
        return os.path.realpath(f"{self.options.sysfs}/{relative}")

    def sys_has(self, relative: str) -> bool:
        """Whether there is such a file or folder below /sys."""
        return os.path.exists(f"{self.options.sysfs}/{relative}")  # noqa: PTH110 - a path, not an object

    def net(self, name: str) -> str:
        """The text of a file of the network statistics: of the host's network where it can be seen.

        `/proc/net` is the network namespace of whoever reads it, in a container the container's.
        Process 1 of a mounted host's /proc is the host's; where it can't be read, it is the
        reader's own after all. Errors as in `read`.
        """
        return _text(self._first(self._bytes_again, *_net(name)))

    def net_once(self, name: str) -> str:
        """The same without keeping the file open, for long ones and for other threads."""
        return _text(self._first(self._bytes, *_net(name)))

    def mounts(self) -> list[Mount]:
        """The mounted file systems that count: the host's, else this process's. Errors as in `read`.

        The host's are those of process 1, if its root is what is found at `rootfs`. The list is the same
        object as long as nothing changes.
        """
        data = self._first(self._bytes_again, "1/mountinfo", "self/mountinfo")
        return self._mounts.of(data)

    def view(self) -> View:
        """Whose processes, network, devices and mounts these are; what can't be read is not the host's."""
        if self._view is not None and monotonic() < self._view[0]:
            return self._view[1]
        all_processes = view.shows_all_processes(self)
        inside = view.is_in_first_network(self)
        found = View(
            processes=all_processes,
            network=inside or (all_processes and view.shows_network_of_process_1(self)),
            inside_network=inside or not all_processes,
            net_devices=view.shows_same_devices(self),
            unreachable=self._unreachable(),
            mounts=all_processes and self._mounts.of_process_1,
        )
        # A device that comes or goes while it is looked at is no reason to hide the others for a minute.
        self._view = (monotonic() + (VIEW_SECONDS if found.net_devices is not False else 0), found)
        return found

    def udev(self, major: str, minor: str) -> Mapping[str, str]:
        """What udev's database says of a block device; empty where there is none."""
        try:
            text = _text(self._content(f"{self.options.udev}/b{major}:{minor}"))
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

    def clock(self) -> clock.Clock:
        """The time and the zone."""
        return clock.clock()

    def timex(self) -> Mapping[str, int]:
        """What adjtimex(2) says of the clock's error. Raises as `clock.timex`."""
        return clock.timex()

    async def close(self) -> None:
        """Ends the process that asks the file systems, and closes the files."""
        self._open.close()
        await self._statvfs.close()

    def counts(self, mount: Mount) -> bool:
        """Whether the filters let a mount through."""
        return not (
            self._mount_points_exclude.search(mount.mountpoint) or self._fs_types_exclude.search(mount.fstype)
        )

    def _own_mounts(self) -> bytes | None:
        """The mountinfo of this process; None where it can't be read."""
        try:
            return self._content(f"{self.options.procfs}/self/mountinfo")
        except OSError:
            return None

    def _first(self, read: Callable[[str], bytes], *relative: str) -> bytes:
        """The first of these files below /proc that can be read."""
        for path in relative[:-1]:
            try:
                return read(f"{self.options.procfs}/{path}")
            except (Skip, Unavailable):
                continue
        return read(f"{self.options.procfs}/{relative[-1]}")

    def _unreachable(self) -> tuple[str, ...]:
        """The mount points that this process has not; makes the list of mounts, where it can be read."""
        try:
            return tuple(mount.mountpoint for mount in self.mounts() if not mount.reachable)
        except (Skip, Unavailable):
            return ()

    def _sorted_names(self, path: str) -> list[str]:
        try:
            return sorted(self._names(path))
        except OSError as error:
            raise translated(path, error) from error

    def _bytes(self, path: str) -> bytes:
        try:
            return self._content(path)
        except OSError as error:
            raise translated(path, error) from error

    def _bytes_again(self, path: str) -> bytes:
        content = self._open.read(path)
        if content is None:
            content = self._bytes(path)
            self._open.keep(path, len(content))
        return content

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


def _net(name: str) -> tuple[str, ...]:
    return (f"1/net/{name}", f"self/net/{name}", f"net/{name}")


def _text(content: bytes) -> str:
    return content.decode(errors="backslashreplace")


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern or r"(?!)")
    except re.error as error:
        finding = f"host.{name}: {pattern!r} is not a regular expression: {error}"
        raise SettingsError([finding]) from error
