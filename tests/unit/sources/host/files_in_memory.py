"""A /proc and a /sys/fs/cgroup that are texts in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from exporter.sources.host import Host, HostOptions

Content = str | bytes | OSError


class MemoryHost(Host):
    """A host whose files are these: path from the root -> content, or the error of who reads it."""

    def __init__(self, files: Mapping[str, Content], options: HostOptions | None = None) -> None:
        super().__init__(replace(options or HostOptions(), process_pss_seconds=1.0))
        self.files = dict(files)

    def _content(self, path: str) -> bytes:
        content = self.files.get(path, FileNotFoundError(2, "No such file or directory"))
        if isinstance(content, OSError):
            raise content
        return content.encode() if isinstance(content, str) else content

    def _bytes_again(self, path: str) -> bytes:
        return self._bytes(path)

    def _names(self, path: str) -> list[str]:
        if isinstance(error := self.files.get(path), OSError):
            raise error
        folder = path.rstrip("/") + "/"
        names = {file[len(folder) :].partition("/")[0] for file in self.files if file.startswith(folder)}
        if not names:
            raise FileNotFoundError(2, "No such file or directory")
        return sorted(names)


def stat(pid: int, name: str, *, parent: int = 1, started: int = 100, user: int = 0, state: str = "S") -> str:
    """A line of /proc/PID/stat: one thread, `user` hundredths of a second, 7 faults, 5 pages."""
    return f"{pid} ({name}) {state} {parent} 1 1 0 -1 0 7 0 2 0 {user} 3 0 0 20 0 1 0 {started} 8192 5 9\n"
