"""Control groups: which one a process is in, and where its files are.

Version 1 has a hierarchy for each controller, version 2 one for all; a hybrid machine has both, so the
version is chosen for each controller. `/proc/PID/cgroup` names a group by its path in the hierarchy, and
/proc/self/mountinfo says which part of that hierarchy a mount shows: in a container, often only its own.
In a cgroup namespace paths begin at the container's group: it is `/`, its neighbours are `/../NAME`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

UNIFIED = ""
"""Stands for the hierarchy of version 2 where a controller's name is expected, as in /proc/PID/cgroup."""
CONTROLLERS = frozenset({"cpu", "cpuacct", "memory", "pids", "blkio"})

ROOT_ONLY = "release_agent"
"""A file of version 1 that only the root of a hierarchy has."""
ALWAYS = "notify_on_release"
"""A file of version 1 that each group has."""
ALWAYS_UNIFIED = "cgroup.controllers"
"""The same for version 2."""
NOT_IN_ROOT = "cgroup.events"
"""A file of version 2 that each group but the root has."""

MOST_FOLDERS = 10_000
"""Folders that are looked at to find the own group in a host's hierarchy."""

Parts = tuple[str, ...]


class Mount(NamedTuple):
    """A mounted hierarchy, or a part of one.

    Attributes:
        folder: where, below the folder of all mounts; empty for that folder itself.
        point: the whole path of it.
        root: which group it shows, as this process's cgroup namespace names it.
        controllers: those of version 1, or `UNIFIED`.
    """

    folder: str
    point: str
    root: str
    controllers: frozenset[str]


class Files(Protocol):
    """What is needed of the host."""

    @property
    def cgroupfs(self) -> str:
        """Where the control groups are mounted."""

    def proc_bytes(self, relative: str) -> bytes:
        """The content of a file below /proc."""

    def cgroup(self, relative: str) -> str | None:
        """The text of a control group's file."""


class Cgroup:
    """One control group, or one of each hierarchy that a process is in.

    Attributes:
        paths: controller -> its path, of all hierarchies that count.
        folders: controller -> its folder below the mounts, as far as it can be seen from here and is not
            the hierarchy's root.
        in_root: whether it is the root of a hierarchy that can be seen: its numbers are the machine's.
    """

    def __init__(self, files: Files, paths: Mapping[str, str], folders: Mapping[str, str]) -> None:
        self.paths = paths
        kinds = {name: _is_group(files, name, folder) for name, folder in folders.items()}
        self.folders = {name: folder for name, folder in folders.items() if kinds[name]}
        self.in_root = False in kinds.values()
        self._files = files

    @property
    def id(self) -> str:
        """The path that names it: of memory, where the hierarchies differ, or the longest of them."""
        shown = {name: path for name, path in self.paths.items() if name in self.folders} or self.paths
        return shown.get("memory") or max(shown.values(), key=len, default="/")

    @property
    def parent(self) -> str:
        """The path of the group above."""
        return self.id.rpartition("/")[0]

    @property
    def is_seen(self) -> bool:
        """Whether it can be seen from here."""
        return bool(self.folders) or self.in_root

    @property
    def place(self) -> tuple[tuple[str, str], ...]:
        """What is the same for two processes in the same group."""
        return tuple(sorted(self.folders.items()))

    @property
    def versions(self) -> str:
        """`1`, `2` or `hybrid`: what its controllers are of."""
        kinds = {"2" if name == UNIFIED else "1" for name in self.folders or self.paths}
        return "hybrid" if len(kinds) > 1 else min(kinds, default="")

    def has(self, controller: str) -> bool:
        """Whether a hierarchy of version 1 has this controller for it."""
        return controller in self.folders

    def read(self, controller: str, name: str) -> str:
        """The text of one of its files; empty where there is none."""
        folder = self.folders.get(controller)
        return "" if folder is None else self._files.cgroup(joined(folder, name)) or ""

    def read_above(self, controller: str, steps: int, name: str) -> str:
        """The same of the group so many steps above."""
        folder = self.folders.get(controller, "")
        for _ in range(steps):
            folder = folder.rpartition("/")[0]
        return self._files.cgroup(joined(folder, name)) or ""

    def upwards(self, controller: str, *names: str) -> Iterator[list[str]]:
        """The texts of these files, of the group and of those above it as far as they can be seen."""
        folder = self.folders.get(controller)
        while folder is not None:
            yield [self._files.cgroup(joined(folder, name)) or "" for name in names]
            folder = folder.rpartition("/")[0] if folder else None


class Cgroups:
    """The control groups of a machine.

    Args:
        files: reads below /proc and below the mounts.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        own = self._mountinfo()
        self._mounts = [mount for mount in own if mount.folder != OUTSIDE]
        self._namespace = {mount: self._start(mount, own) for mount in self._mounts}

    @property
    def mounted(self) -> bool:
        """Whether there is any."""
        return bool(self._mounts)

    def of(self, pid: str) -> Cgroup | None:
        """The group of a process; None if the process has gone. `self` is this process."""
        try:
            content = self._files.proc_bytes(f"{pid}/cgroup")
        except OSError:
            return None
        paths = parse_paths(content.decode(errors="backslashreplace"))
        found = {name: self._folder(name, path) for name, path in paths.items()}
        return Cgroup(self._files, paths, {name: at for name, at in found.items() if at is not None})

    def _folder(self, controller: str, path: str) -> str | None:
        for mount in self._mounts:
            if controller in mount.controllers:
                found = below(mount.root, self._namespace[mount], path)
                if found is not None:
                    return joined(mount.folder, *found)
        return None

    def _mountinfo(self) -> list[Mount]:
        try:
            content = self._files.proc_bytes("self/mountinfo")
        except OSError:
            return []
        return list(parse_mounts(content.decode(errors="backslashreplace"), self._files.cgroupfs))

    def _start(self, mount: Mount, own: Sequence[Mount]) -> Parts | None:
        """Where the own cgroup namespace begins within a mount that shows more than that.

        The path does not say it; but the own mount of the same hierarchy shows the same folder.
        """
        steps = parts(mount.root)
        if not steps or set(steps) != {".."}:
            return None
        for other in own:
            if other.root == "/" and other.controllers == mount.controllers:
                return _find(mount.point, other.point, len(steps))
        return None


OUTSIDE = "/"
"""The folder of a mount that is not below the folder of all mounts."""


def parse_mounts(text: str, cgroupfs: str) -> Iterator[Mount]:
    """The mounted hierarchies in lines as `34 31 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids`."""
    base = cgroupfs.rstrip("/")
    for line in text.split("\n"):
        left, dash, right = line.partition(" - ")
        fields, kind = left.split(" "), right.split(" ")
        if not dash or len(fields) < 6 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            controllers = frozenset({UNIFIED})
        elif kind[0] != "cgroup" or not (controllers := CONTROLLERS.intersection(kind[2].split(","))):
            continue
        point = fields[4]
        inside = (point + "/").startswith(base + "/")
        yield Mount(point[len(base) + 1 :] if inside else OUTSIDE, point, fields[3], controllers)


def parse_paths(text: str) -> dict[str, str]:
    """Controller -> path, from lines as `4:memory:/docker/1` and `0::/init.scope`."""
    paths: dict[str, str] = {}
    for line in text.split("\n"):
        number, _, rest = line.partition(":")
        names, colon, path = rest.partition(":")
        if not colon or not path.startswith("/"):
            continue
        for name in names.split(","):
            if name in CONTROLLERS or (name == UNIFIED and number == "0"):
                paths[name] = path
    return paths


def below(root: str, namespace: Parts | None, path: str) -> Parts | None:
    """Where a path is within a mount; None where the mount does not show it.

    Args:
        root: the group that the mount shows.
        namespace: where the cgroup namespace begins within it, if the root is above that.
        path: the group's path, as the same namespace names it.
    """
    shown = parts(root)
    above = bool(shown) and shown[0] == ".."
    if above and namespace is None:
        return None
    found = list(namespace or ()) if above else []
    for part in parts(path):
        if part != "..":
            found.append(part)
        elif not found:
            return None
        else:
            found.pop()
    if above:
        return tuple(found)
    return tuple(found[len(shown) :]) if tuple(found[: len(shown)]) == shown else None


def parts(path: str) -> Parts:
    """The parts of a path."""
    return tuple(part for part in path.split("/") if part not in ("", "."))


def joined(*folders: str) -> str:
    """A path of what is not empty."""
    return "/".join(folder for folder in folders if folder)


def _is_group(files: Files, controller: str, folder: str) -> bool | None:
    """Whether there is a group; False for a hierarchy's root, None if nothing is there."""
    always = ALWAYS_UNIFIED if controller == UNIFIED else ALWAYS
    if files.cgroup(joined(folder, always)) is None:
        return None
    if controller == UNIFIED:
        return files.cgroup(joined(folder, NOT_IN_ROOT)) is not None
    return files.cgroup(joined(folder, ROOT_ONLY)) is None


def _find(tree: str, own: str, depth: int) -> Parts | None:
    """The folder this deep in a tree that is the same as `own`; None if there is none."""
    try:
        wanted = os.stat(own)  # noqa: PTH116 - the numbers of many folders, quickly
    except OSError:
        return None
    level: list[Parts] = [()]
    for _ in range(depth):
        level = [(*above, name) for above in level for name in _subfolders(joined(tree, *above))]
        if len(level) > MOST_FOLDERS:
            return None
    for found in level:
        try:
            same = os.path.samestat(wanted, os.stat(joined(tree, *found)))  # noqa: PTH116
        except OSError:
            continue
        if same:
            return found
    return None


def _subfolders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
