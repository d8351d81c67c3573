"""Captures a container with PostgreSQL and Redis in it: `python -m tests.record_container [NAME]`, as root.

The container is made for this: control groups with limits, and namespaces of its own, so that nothing else of
this machine is in what is captured. Writes what the collectors read to tests/recorded/container/NAME.json
(the kernel's version by default), and their pages over it to tests/golden/container/COLLECTOR.txt.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from exporter.sources.host import Host, HostOptions
from tests.record_host import OF_PROCESSES, TESTS, collect, page
from tests.servers import Postgres, Redis
from tests.servers.cgroup import HIERARCHIES, MOUNTS, limited
from tests.servers.missing import Missing

RECORDED = TESTS / "recorded" / "container"
GOLDEN = TESTS / "golden" / "container"

OPTIONS = HostOptions(process_pss_seconds=5.0, process_threads=True)
MEMORY = 512 * 2**20
WRITTEN = 4 * 2**20

FOLDER_OF_SERVER = re.compile(rb"/[^\0 ]*/(?=(data|redis)[^\0 ]*)")
FOLDER_OF_PROGRAM = re.compile(rb"/[^\0 ]*/(?=[^\0 /]+)")


class Recorder(Host):
    """This machine, with a copy of each file and folder that is read."""

    def __init__(self) -> None:
        super().__init__(OPTIONS)
        self.files: dict[str, str] = {}
        self.folders: dict[str, list[str]] = {}

    def _content(self, path: str) -> bytes:
        content = super()._content(path)
        if path.endswith("/cmdline"):
            content = FOLDER_OF_SERVER.sub(b"/srv/", FOLDER_OF_PROGRAM.sub(b"/usr/bin/", content))
        if path.endswith("/mountinfo"):
            content = b"".join(line for line in content.splitlines(keepends=True) if b" - cgroup" in line)
        self.files[path] = content.decode("latin-1")
        return content

    def _bytes_again(self, path: str) -> bytes:
        return self._bytes(path)

    def _names(self, path: str) -> list[str]:
        self.folders[path] = super()._names(path)
        return self.folders[path]


class Recorded(Host):
    """The captured container."""

    def __init__(self, file: Path) -> None:
        super().__init__(OPTIONS)
        captured = json.loads(file.read_text(encoding="utf-8"))
        self._files: dict[str, str] = captured["files"]
        self._folders: dict[str, list[str]] = captured["folders"]

    def _content(self, path: str) -> bytes:
        if path not in self._files:
            raise FileNotFoundError(2, "No such file or directory")
        return self._files[path].encode("latin-1")

    def _bytes_again(self, path: str) -> bytes:
        return self._bytes(path)

    def _names(self, path: str) -> list[str]:
        if path not in self._folders:
            raise FileNotFoundError(2, "No such file or directory")
        return self._folders[path]


def inside(file: Path) -> None:
    """Runs in the container: mounts its groups, starts the servers, and captures what the collectors read."""
    subprocess.run(["mount", "-t", "tmpfs", "none", MOUNTS], check=True)
    for name in HIERARCHIES:
        (MOUNTS / name).mkdir()
        kind = ["cgroup2"] if name == "unified" else ["cgroup", "-o", name]
        subprocess.run(["mount", "-t", *kind, "cgroup", MOUNTS / name], check=True)
    with Postgres() as postgres, Redis() as redis, postgres.connect() as connection:
        connection.execute("SELECT count(md5(i::text)) FROM generate_series(1, 300000) AS i")
        redis.client().ping()
        _write_to_a_disk(file.with_suffix(".written"))
        host = Recorder()
        for name in sorted(OF_PROCESSES):
            collect(name, host)
    text = json.dumps({"files": host.files, "folders": host.folders}, indent=1, sort_keys=True)
    file.write_text(text + "\n", encoding="utf-8")


def _write_to_a_disk(file: Path) -> None:
    with file.open("wb") as opened:
        opened.write(os.urandom(WRITTEN))
        os.fsync(opened.fileno())
    file.unlink()


def main() -> None:
    """Captures, or is what runs in the container."""
    if sys.argv[1:2] == ["--inside"]:
        inside(Path(sys.argv[2]))
        return
    try:
        capture()
    except Missing as missing:
        print(f"no container recorded: {missing}")


def capture() -> None:
    """Makes the container, captures it, and writes the pages.

    Raises:
        Missing: this machine or this user can't make one.
    """
    release = ".".join(os.uname().release.split(".")[:2])
    file = RECORDED / f"{sys.argv[1] if len(sys.argv) > 1 else f'linux-{release}'}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with limited() as groups:
        groups.set("memory", "memory.limit_in_bytes", MEMORY)
        groups.set("cpu", "cpu.cfs_quota_us", 50_000)
        device = file.parent.stat().st_dev
        # A limit, far away, switches the counters of this device on.
        limit = f"{os.major(device)}:{os.minor(device)} {2**40}"
        groups.set("blkio", "blkio.throttle.write_bps_device", limit)
        namespaces = ["unshare", "--cgroup", "--mount", "--pid", "--fork", "--mount-proc"]
        again = [*namespaces, sys.executable, "-m", "tests.record_container", "--inside", str(file)]
        subprocess.run(groups.command(again), check=True, timeout=120)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in sorted(OF_PROCESSES):
        (GOLDEN / f"{name}.txt").write_bytes(page(collect(name, Recorded(file))))
    print(f"{file}, {GOLDEN}: {len(OF_PROCESSES)} pages")


if __name__ == "__main__":
    main()
