"""A control group of the test's own below the group that the tests run in, and a process to run in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers.missing import Missing

MOUNTS = Path("/sys/fs/cgroup")
HIERARCHIES = ("blkio", "cpu", "cpuacct", "memory", "pids", "unified")
ENDS_SECONDS = 5.0


def own_paths() -> dict[str, str]:
    """Hierarchy -> the group that this process is in."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    paths = {names: path for _, names, path in (line.split(":", 2) for line in lines)}
    return {name: paths["" if name == "unified" else name] for name in HIERARCHIES}


class Limited:
    """Groups of one name in all hierarchies.

    Attributes:
        name: theirs.
        folders: hierarchy -> the group's folder.
    """

    def __init__(self, name: str, own: Mapping[str, str]) -> None:
        self.name = name
        self.folders = {h: MOUNTS / h / path.strip("/") / name for h, path in own.items()}
        self.path = own["memory"].rstrip("/") + "/" + name

    def set(self, hierarchy: str, file: str, value: int | str) -> None:
        """Writes a limit."""
        (self.folders[hierarchy] / file).write_text(f"{value}")

    def get(self, hierarchy: str, file: str) -> str:
        """The text of a file of the kernel's."""
        return (self.folders[hierarchy] / file).read_text()

    def pair(self, hierarchy: str, file: str, name: str) -> int:
        """One of a file's numbers by name."""
        return int(dict(line.split() for line in self.get(hierarchy, file).splitlines())[name])

    def command(self, command: Sequence[str]) -> list[str]:
        """A command that enters the groups, and then is that command."""
        enter = "".join(f"echo $$ > {folder}/cgroup.procs; " for folder in self.folders.values())
        return ["/bin/sh", "-ec", f'{enter}exec "$@"', "sh", *command]

    def python(self, code: str, *args: str) -> subprocess.Popen[str]:
        """Starts this Python in the groups; it is asked by lines."""
        command = self.command([sys.executable, "-c", code, *args])
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


@contextmanager
def limited() -> Iterator[Limited]:
    """The groups, and nothing of them afterwards: what still runs in them is killed.

    Raises:
        Missing: this user may not make groups, or the machine has no hierarchies of version 1.
    """
    try:
        groups = Limited(f"datastack-exporter-test-{os.getpid()}", own_paths())
    except (KeyError, OSError) as error:
        raise Missing(
            "needs control groups of version 1 below /sys/fs/cgroup: boot a hybrid machine"
        ) from error
    made: list[Path] = []
    try:
        try:
            for folder in groups.folders.values():
                folder.mkdir()
                made.append(folder)
        except OSError as error:
            reason = f"can't make control groups ({error.strerror}): run the tests as root with a writable"
            raise Missing(f"{reason} /sys/fs/cgroup") from error
        yield groups
    finally:
        _remove(made)


def _remove(folders: Sequence[Path]) -> None:
    ends = time.monotonic() + ENDS_SECONDS
    for folder in folders:
        while True:
            for pid in (folder / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            try:
                folder.rmdir()
                break
            except OSError:
                if time.monotonic() >= ends:
                    raise
                time.sleep(0.05)
