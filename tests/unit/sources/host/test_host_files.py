"""Which file is read, which mounts count, what errors become."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, SettingsError, Skip, Unavailable
from exporter.sources.host import Host, HostOptions, Mount, open_host
from exporter.sources.host.mounts import distinct, parse_mountinfo
from tests.record_host import RECORDED

RECORDING = min(RECORDED.iterdir())


def mount(line: bytes, rootfs: str = "/") -> Mount:
    (parsed,) = parse_mountinfo(line, rootfs)
    return parsed


def host_at(folder: Path) -> Host:
    return Host(HostOptions(procfs=str(folder / "proc"), sysfs=str(folder / "sys")))


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        file = folder / "proc" / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_line_with_optional_fields_and_octal_escapes():
    line = (
        rb"36 35 98:0 /a /mnt/a\040b\134c rw,noatime shared:1 master:2 - ext4 /dev/x\040y rw,errors=continue"
    )
    assert mount(line) == Mount(
        device=r"/dev/x\040y",  # as upstream shows it
        mountpoint=r"/mnt/a b\c",
        path=rb"/mnt/a b\c",
        fstype="ext4",
        major="98",
        minor="0",
        readonly=False,
    )


@pytest.mark.parametrize(
    ("options", "super_options", "readonly"),
    [(b"rw", b"rw", False), (b"ro", b"rw", True), (b"rw", b"x,ro", True), (b"rw", b"rw,emergency_ro", True)],
)
def test_readonly(options, super_options, readonly):
    line = b"1 0 8:1 / / %b - ext4 /dev/sda1 %b" % (options, super_options)
    assert mount(line).readonly is readonly


def test_path_that_is_not_text_is_asked_as_it_is():
    parsed = mount(b"1 0 8:1 / /caf\xe9 rw - ext4 /dev/sda1 rw")
    assert parsed.path == b"/caf\xe9"
    assert parsed.mountpoint == r"/caf\xe9"


@pytest.mark.parametrize(
    ("seen", "mountpoint", "path"),
    [
        (b"/host", "/", b"/host/"),
        (b"/host/data", "/data", b"/host/data"),
        (b"/data", "/data", b"/host/data"),
        (b"/hostage", "/hostage", b"/host/hostage"),
    ],
)
def test_mounts_below_rootfs_are_shown_without_it(seen, mountpoint, path):
    parsed = mount(b"1 0 8:1 / %b rw - ext4 /dev/sda1 rw" % seen, "/host/")
    assert (parsed.mountpoint, parsed.path) == (mountpoint, path)


def test_same_mount_twice_counts_once():
    line = b"%d 0 8:1 / /data rw - ext4 /dev/sda1 %b"
    other = b"3 0 8:2 / /data rw - ext4 /dev/sda2 rw"
    found = distinct(parse_mountinfo(b"\n".join([line % (1, b"rw"), line % (2, b"ro"), other])))
    assert [(m.device, m.readonly) for m in found] == [("/dev/sda1", False), ("/dev/sda2", False)]


def test_mounts_are_parsed_again_only_when_they_change(tmp_path):
    line = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
    write(
        tmp_path,
        **{"1__mountinfo": line + "2 1 0:4 / /dev rw - devtmpfs x rw\n3 1 0:5 / /x rw - proc x rw\n"},
    )
    host = host_at(tmp_path)
    first = host.mounts()
    assert [m.mountpoint for m in first] == ["/"]
    assert host.mounts() is first
    write(tmp_path, **{"1__mountinfo": line.replace("/ rw", "/data rw", 1)})
    assert [m.mountpoint for m in host.mounts()] == ["/data"]


def test_network_of_process_1_comes_first(tmp_path):
    write(tmp_path, **{"1__net__dev": "one", "self__net__dev": "self", "net__dev": "net"})
    host = host_at(tmp_path)
    assert host.net("dev") == "one"
    shutil.rmtree(tmp_path / "proc/1")
    assert host.net("dev") == "self"
    shutil.rmtree(tmp_path / "proc/self")
    assert host.net("dev") == "net"


def test_mounts_of_this_process_where_process_1_is_hidden(tmp_path):
    write(tmp_path, self__mountinfo="1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    assert [m.device for m in host_at(tmp_path).mounts()] == ["/dev/sda1"]


def test_large_files_are_read_to_the_end(tmp_path):
    write(tmp_path, vmstat="x" * 100_000)
    assert len(host_at(tmp_path).read("vmstat")) == 100_000


def test_bytes_that_are_not_text_are_kept_readable(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/x").write_bytes(b"a\xffb")
    assert host_at(tmp_path).read("x") == r"a\xffb"


class Failing(Host):
    """Every read fails with this error."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def _content(self, _path: str) -> bytes:
        raise self._error

    def _names(self, _path: str) -> list[str]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file"), Reason.UNSUPPORTED),
        (NotADirectoryError(20, "Not a directory"), Reason.UNSUPPORTED),
        (PermissionError(13, "Permission denied"), Reason.PERMISSION),
        (OSError(95, "Operation not supported"), Reason.UNSUPPORTED),
    ],
)
def test_expected_errors_are_skips(error, reason):
    host = Failing(error)
    for read in (host.read, host.sys, host.sys_names, host.net):
        with pytest.raises(Skip) as caught:
            read("some/file")
        assert caught.value.reason is reason
        assert "some/file" in str(caught.value)
    assert host.sys_or_none("some/file") is None
    assert host.udev("8", "0") == {}
    assert host.uname()["domainname"] == "(none)"


def test_other_errors_are_failures():
    with pytest.raises(Unavailable, match="Too many open files"):
        Failing(OSError(24, "Too many open files")).read("stat")


@pytest.mark.parametrize("name", ["mount_points_exclude", "disk_device_exclude", "netstat_fields"])
def test_bad_expression_is_a_finding_that_names_its_setting(name):
    with pytest.raises(SettingsError, match=rf"host\.{name}: '\(' is not a regular expression"):
        Host(replace(HostOptions(), **{name: "("}))  # type: ignore[arg-type]


def test_empty_expression_excludes_nothing():
    host = Host(HostOptions(disk_device_exclude="", netdev_device_exclude=""))
    assert not host.disk_device_exclude.search("loop0")
    assert not host.netdev_device_exclude.search("")


async def test_linux_reads_files_and_others_ask_psutil():
    assert type(open_host(platform="linux")) is Host
    elsewhere = open_host(platform="darwin")
    assert type(elsewhere).__name__ == "ElsewhereHost"
    with pytest.raises(Skip, match="only Linux"):
        elsewhere.read("vmstat")
    assert await elsewhere.statvfs(set(), Deadline.after(1)) == {}
