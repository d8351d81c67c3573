"""Whose machine the files show, and whose mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.sources.host import Host, HostOptions, View

DEV = "Inter-|   Receive\n face |bytes\n"
COUNTERS = " ".join(["0"] * 16)
ROOT = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"


def machine(folder: Path, **files: str) -> Host:
    """A host whose files below proc/ and sys/ are these; `__` stands for `/`."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(HostOptions(procfs=f"{folder}/proc", sysfs=f"{folder}/sys", rootfs="/host/root/"))


def whole(**others: str) -> dict[str, str]:
    """A machine with two devices, seen from a container that has its root at /host/root."""
    return {
        "proc__2__comm": "kthreadd\n",
        "proc__1__mountinfo": ROOT + "2 1 8:2 / /data rw - ext4 /dev/sdb1 rw\n",
        "proc__self__mountinfo": "9 0 0:9 / / rw - overlay x rw\n"
        "8 9 8:1 / /host/root ro - ext4 /dev/sda1 rw\n7 8 8:2 / /host/root/data ro - ext4 /dev/sdb1 rw\n",
        "proc__1__net__dev": f"{DEV} lo: {COUNTERS}\n eth0: {COUNTERS}\n",
        "proc__1__net__igmp": "Idx\tDevice    : Count\n1\tlo :  1  V3\n2\teth0 :  1  V3\n\t\t0100\n",
        "sys__class__net__lo__ifindex": "1\n",
        "sys__class__net__eth0__ifindex": "2\n",
        "sys__class__net__bonding_masters": "\n",
        **others,
    }


def test_host_from_a_container(tmp_path):
    host = machine(tmp_path, **whole())
    assert host.view() == View(
        processes=True, network=True, inside_network=False, net_devices=True, mounts=True
    )
    assert [(mount.mountpoint, mount.path) for mount in host.mounts()] == [
        ("/", b"/host/root/"),
        ("/data", b"/host/root/data"),
    ]


def test_proc_without_the_kernels_threads_is_a_containers(tmp_path):
    view = machine(tmp_path, **whole(proc__2__comm="nginx\n")).view()
    assert (view.processes, view.network, view.mounts) == (False, False, False)


def test_container_in_the_machines_network(tmp_path):
    files = whole(proc__2__comm="nginx\n", proc__sys__net__core__dev_weight="64\n")
    view = machine(tmp_path, **files).view()
    assert (view.processes, view.network, view.inside_network) == (False, True, True)


@pytest.mark.parametrize(
    "files",
    [
        {"sys__class__net__own0__ifindex": "3\n"},
        {"sys__class__net__eth0__ifindex": "7\n"},
        {"proc__1__net__dev": f"{DEV} lo: {COUNTERS}\n"},
    ],
)
def test_devices_of_another_network(tmp_path, files):
    host = machine(tmp_path, **whole(**files))
    assert host.view().net_devices is False


def test_device_that_comes_is_no_other_network_for_long(tmp_path):
    host = machine(tmp_path, **whole(sys__class__net__eth1__ifindex="3\n"))
    assert host.view().net_devices is False
    machine(tmp_path, proc__1__net__dev=f"{DEV} lo: {COUNTERS}\n eth0: {COUNTERS}\n eth1: {COUNTERS}\n")
    assert host.view().net_devices is True


def test_nothing_there_is_nothing_of_the_hosts(tmp_path):
    view = machine(tmp_path).view()
    assert (view.processes, view.network, view.net_devices, view.mounts) == (False, False, None, False)


def test_other_root_shows_this_processs_mounts(tmp_path):
    own = "9 0 0:9 / / rw - ext4 x rw\n8 9 8:7 / /host/root rw - ext4 /dev/other rw\n"
    host = machine(tmp_path, **whole(proc__self__mountinfo=own))
    assert [mount.path for mount in host.mounts()] == [b"/", b"/host/root"]
    assert host.view().mounts is False


def test_mount_that_is_not_below_the_root_is_not_reachable(tmp_path):
    own = "9 0 0:9 / / rw - overlay x rw\n8 9 8:1 / /host/root ro - ext4 /dev/sda1 rw\n"
    host = machine(tmp_path, **whole(proc__self__mountinfo=own))
    assert [(mount.mountpoint, mount.reachable) for mount in host.mounts()] == [("/", True), ("/data", False)]
    assert host.view().unreachable == ("/data",)


def test_other_file_system_over_a_mount_is_another_one(tmp_path):
    hidden = whole()["proc__self__mountinfo"] + "6 7 0:50 / /host/root/data ro - tmpfs tmpfs rw\n"
    host = machine(tmp_path, **whole(proc__self__mountinfo=hidden))
    assert host.view().unreachable == ("/data",)


def test_udevs_database_is_below_the_hosts_root(tmp_path):
    (tmp_path / "run/udev/data").mkdir(parents=True)
    (tmp_path / "run/udev/data/b8:0").write_text("E:ID_MODEL=x\n")
    assert Host(HostOptions(rootfs=str(tmp_path))).udev("8", "0") == {"ID_MODEL": "x"}
