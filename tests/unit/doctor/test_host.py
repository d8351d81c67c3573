"""The findings about the host: which of what is shown is the host's, and what mends the rest."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.doctor import host
from exporter.doctor.finding import Finding, Severity
from exporter.model.errors import Reason, Skip
from exporter.sources.host import HostOptions, View

HOST = View(processes=True, network=True, inside_network=True, net_devices=True, mounts=True)


class Seen:
    """A host with this view."""

    def __init__(self, view: View, options: HostOptions | None = None, refused: str = "") -> None:
        self.options = options or HostOptions()
        self._view = view
        self._refused = refused

    def read(self, relative: str) -> str:
        if relative == self._refused:
            raise Skip(Reason.PERMISSION, f"/proc/{relative}: the exporter's user may not read it")
        return "x"

    def view(self) -> View:
        return self._view


def found(seen: Seen) -> list[Finding]:
    fine, *others = asyncio.run(host.examine(seen, "/proc"))
    assert fine.severity is Severity.OK
    return others


def test_a_whole_machine_needs_nothing() -> None:
    assert found(Seen(HOST)) == []


def test_a_container_is_told_what_to_mount() -> None:
    (finding,) = found(Seen(replace(HOST, processes=False, network=False, mounts=False)))
    assert finding.severity is Severity.ADVICE
    assert finding.what.endswith("processes, network, file systems")
    assert "EXPORTER_HOST__PROCFS=/host/proc" in finding.remedy.splitlines()


def test_root_that_was_forgotten() -> None:
    (finding,) = found(Seen(replace(HOST, mounts=False)))
    assert finding.what.endswith("not the host's: file systems")
    assert "EXPORTER_HOST__ROOTFS=/host/root" in finding.remedy.splitlines()


@pytest.mark.parametrize(
    ("devices", "severity", "part"),
    [(False, Severity.ERROR, "another network"), (None, Severity.ADVICE, "no network devices")],
)
def test_sys_of_another_network_and_none(devices: bool | None, severity: Severity, part: str) -> None:
    (finding,) = found(Seen(replace(HOST, net_devices=devices)))
    assert finding.severity is severity
    assert part in finding.what
    assert "EXPORTER_HOST__SYSFS" in finding.remedy


def test_mounts_that_the_container_has_not() -> None:
    (finding,) = found(Seen(replace(HOST, unreachable=("/data", "/srv"))))
    assert finding.severity is Severity.ERROR
    assert finding.what == "2 of the host's file systems are not below /: /data, /srv"
    assert "rslave" in finding.remedy


def test_files_that_may_not_be_read() -> None:
    (finding,) = found(Seen(HOST, refused="1/net/dev"))
    assert finding.severity is Severity.ERROR
    assert "1/net/dev" in finding.what


def test_folder_of_text_files(tmp_path: Path) -> None:
    assert found(Seen(HOST, HostOptions(textfile_directory=str(tmp_path)))) == []
    (finding,) = found(Seen(HOST, HostOptions(textfile_directory=str(tmp_path / "gone"))))
    assert finding.severity is Severity.ERROR
    assert "EXPORTER_HOST__TEXTFILE_DIRECTORY" in finding.remedy
