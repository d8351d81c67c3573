"""A host from a folder of captured files, for tests and for the catalogue's examples."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from exporter.model.deadline import Deadline
from exporter.sources.host.clock import Clock
from exporter.sources.host.files import Host
from exporter.sources.host.options import HostOptions
from exporter.sources.host.statvfs import Answers, Space

ANSWERS = "answers.json"
"""What is no file on a real host: `uname`, `clock`, `timex`, and `statvfs` by path."""

NO_SUCH_FILE = os.strerror(errno.ENOENT).lower()


class FakeHost(Host):
    """Reads `proc/`, `sys/`, `root/` and `udev/` of a folder; what is no file from `answers.json`.

    Args:
        folder: where the captured files are.
        options: filters; their roots are replaced by the folder's.
    """

    def __init__(self, folder: Path, options: HostOptions | None = None) -> None:
        proc, sys, root, udev = (str(folder / name) for name in ("proc", "sys", "root", "udev"))
        roots = {"procfs": proc, "sysfs": sys, "rootfs": root, "udev_data": udev}
        super().__init__(replace(options or HostOptions(), **roots))  # type: ignore[arg-type]
        answers: dict[str, Any] = json.loads((folder / ANSWERS).read_text(encoding="utf-8"))
        self._uname: dict[str, str] = answers["uname"]
        self._clock = Clock(**answers["clock"])
        self._timex: dict[str, int] = answers["timex"]
        self._space: dict[str, list[int] | str] = answers["statvfs"]

    def uname(self) -> Mapping[str, str]:
        """As captured."""
        return self._uname

    def clock(self) -> Clock:
        """The moment of the capture."""
        return self._clock

    def timex(self) -> Mapping[str, int]:
        """As captured."""
        return self._timex

    async def statvfs(self, paths: Collection[bytes], deadline: Deadline) -> Answers:
        """As captured; a path that was not asked then does not exist."""
        _ = deadline
        told = {path: self._space.get(self._shown(path), NO_SUCH_FILE) for path in paths}
        return {path: space if isinstance(space, str) else Space(*space) for path, space in told.items()}

    def _shown(self, path: bytes) -> str:
        """The path without the folder that it was captured into."""
        return path.decode(errors="replace").removeprefix(self.options.rootfs) or "/"

    def _bytes_again(self, path: str) -> bytes:
        return self._bytes(path)  # a captured file is a regular one
