"""Captures what the host's collectors read on this machine: `python -m tests.record_host [NAME]`.

Writes the files to tests/recorded/host/NAME (the kernel's version by default) and the page of each
collector over them to tests/golden/host/COLLECTOR.txt. What names this machine or its user's things
is replaced: host name, hardware addresses, serial numbers, mount points outside the system's folders.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from exporter.collectors import host as family
from exporter.expose.text import TextEncoder
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.table import Table
from exporter.sources.host import Host, Space
from exporter.sources.host.fake import ANSWERS, FakeHost

TESTS = Path(__file__).parent
RECORDED = TESTS / "recorded" / "host"
GOLDEN = TESTS / "golden" / "host"

OF_PROCESSES = {"container", "process_groups"}
"""What is recorded apart, in a container of its own: here it would name all that runs on this machine."""
KEEP = ".gitkeep"
"""Stands in folders of which only the name was read: git keeps none that are empty."""
NOT_RECORDED = {"build_info", "processes", "tcpstat"}
"""What says the version of this build, and what would name all that runs here and whom it talks to."""
LACKING = {"bonding", "cpufreq", "hwmon", "mdadm", "schedstat", "systemd", "thermal_zone"}
"""What the recorded machine has not: its files are made up where they are tested."""
ALL_NAMES = sorted(
    module.name
    for module in iter_modules(family.__path__)
    if not module.name.startswith("_") and module.name not in OF_PROCESSES
)
NAMES = [name for name in ALL_NAMES if name not in NOT_RECORDED | LACKING]

OF_ADDRESSES = ("/net/arp", "/net/udp", "/net/udp6")
ADDRESS = re.compile(
    rb"\b(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-F]{8,32}(?=:[0-9A-F]{4} )|(?:[0-9a-f]{2}:){5}[0-9a-f]{2})\b"
)

SYSTEM_FOLDER = re.compile(rb"/($|(proc|sys|dev|run|boot|usr|var)($|/))")
SECRET_PROPERTY = re.compile(
    rb"(?m)^(E:(?:ID_SERIAL\w*|SCSI_IDENT_SERIAL|ID_WWN\w*|ID_FS_UUID\w*|DM_UUID)=).*$"
)


def spec(name: str) -> CollectorSpec:
    """What the collector of this name declares."""
    declared = import_module(f"{family.__name__}.{name}").COLLECTOR
    assert isinstance(declared, CollectorSpec)
    return declared


def collect(name: str, host: Host, seconds: float = 10.0) -> Sequence[Table]:
    """The tables of one run."""

    async def run() -> Sequence[Table]:
        try:
            return await spec(name).build(host)(Deadline.after(seconds))
        finally:
            await host.close()

    return asyncio.run(run())


def page(tables: Sequence[Table]) -> bytes:
    """The tables as text."""
    return b"".join(TextEncoder().encode(tables))


class RecordingHost(Host):
    """This machine, with a copy of each file that is read."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._roots = {
            self.options.procfs: folder / "proc",
            self.options.sysfs: folder / "sys",
            self.options.udev: folder / "udev",
            self.options.rootfs.rstrip("/"): folder / "root",
        }

    def _content(self, path: str) -> bytes:
        content = scrubbed(path, super()._content(path))
        copy = self._copy(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
        return content

    def _names(self, path: str) -> list[str]:
        names = super()._names(path)
        for name in names:
            (self._copy(path) / name).mkdir(parents=True, exist_ok=True)
        return names

    def _copy(self, path: str) -> Path:
        root = next(root for root in self._roots if path.startswith(root + "/"))
        return self._roots[root] / path.removeprefix(root + "/")

    def _bytes_again(self, path: str) -> bytes:
        return self._bytes(path)  # through the copy each time


def scrubbed(path: str, content: bytes) -> bytes:
    """The content without what names this machine."""
    if path.endswith("/mountinfo"):
        lines = content.splitlines(keepends=True)
        return b"".join(line for line in lines if SYSTEM_FOLDER.match(line.split(b" ")[4]))
    if path.endswith(OF_ADDRESSES):
        return ADDRESS.sub(b"0.0.0.0", content)
    if re.search(r"/class/net/[^/]+/address$", path):
        return content if content.strip() == b"00:00:00:00:00:00" else b"02:00:00:00:00:01\n"
    if path.endswith("/ifalias"):
        return b"\n"
    return SECRET_PROPERTY.sub(rb"\g<1>0123456789", content)


async def answers(host: Host) -> dict[str, object]:
    """What is no file: uname, clock, and how full the file systems are."""
    uname = dict(host.uname())
    release = re.match(r"[0-9.]*[0-9]", uname["release"])
    uname |= {"nodename": "host", "domainname": "(none)", "release": release[0] if release else ""}
    uname["version"] = uname["version"].split("@")[0].strip()
    space = await host.statvfs({mount.path for mount in host.mounts()}, Deadline.after(10))
    told = {
        path.decode(): list(asdict(answer).values()) if isinstance(answer, Space) else answer
        for path, answer in space.items()
    }
    return {"uname": uname, "clock": asdict(host.clock()), "timex": host.timex(), "statvfs": told}


async def record(folder: Path) -> None:
    """Runs each collector once on this machine, and writes what it read."""
    host = RecordingHost(folder)
    for name in NAMES:
        try:
            await spec(name).build(host)(Deadline.after(10))
        except Skip as skip:
            print(f"{name}: {skip}")
    text = json.dumps(await answers(host), indent=1)
    (folder / ANSWERS).write_text(text + "\n", encoding="utf-8")
    await host.close()


def main() -> None:
    """Records, then writes the golden pages from the recording."""
    release = ".".join(os.uname().release.split(".")[:2])
    name = sys.argv[1] if len(sys.argv) > 1 else f"linux-{release}"
    folder = RECORDED / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    asyncio.run(record(folder))
    for empty in [path for path in folder.rglob("*") if path.is_dir() and not any(path.iterdir())]:
        (empty / KEEP).touch()
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for collector in NAMES:
        (GOLDEN / f"{collector}.txt").write_bytes(page(collect(collector, FakeHost(folder))))
    print(
        f"{folder}: {sum(file.is_file() for file in folder.rglob('*'))} files; {GOLDEN}: {len(NAMES)} pages"
    )


if __name__ == "__main__":
    main()
