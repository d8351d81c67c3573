"""In a container with the host's /proc, /sys and / mounted, the host's numbers come out, and not its own.

The container is made with unshare(1): a network with nothing but `lo` and `own0`, processes of its own, and a
mount that nobody else sees. What is mounted below `/host` is up to each test.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.sources.host import Host
from tests.servers import Missing, catalogue, require

pytestmark = pytest.mark.live

UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec")

CONTAINER = """
mount --make-rprivate /
mkdir -p proc sys root own
{mounts}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs own own
ip link set lo up
ip link add own0 type ifb
{run}
"""
HOST_PROC = "mount --rbind /proc proc"
HOST_SYS = "mount --rbind /sys sys"
HOST_ROOT = "mount --rbind / root"
ROOT_ALONE = "mount --bind / root"

DUMP = f"{sys.executable} -m exporter dump"
FETCH = 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:9188/metrics").read().decode())'
SERVE = f"""
{sys.executable} -m exporter serve --web.listen-address=127.0.0.1:9188 >log 2>&1 &
for try in $(seq 100); do
  {sys.executable} -c '{FETCH}' 2>/dev/null && break
  sleep 0.1
done
kill $!
"""

VIEW = re.compile(r"^exporter_host_view_info\{(.*)\} 1$", re.MULTILINE)
DEVICE = re.compile(r'^node_network_receive_bytes_total\{device="([^"]+)"\}', re.MULTILINE)
STATE = re.compile(r'^node_network_up\{device="([^"]+)"\}', re.MULTILINE)
MOUNT = re.compile(
    r'^node_filesystem_readonly\{.*mountpoint="([^"]+)".*device_error="([^"]*)"\}', re.MULTILINE
)

Run = Callable[..., str]


def permitted() -> None:
    """Whether this user may make namespaces and network devices."""
    tried = subprocess.run(
        ["unshare", "-nmp", "--fork", "sh", "-ec", "mount --make-rprivate /; ip link add own0 type ifb"],
        capture_output=True,
        check=False,
    )
    if tried.returncode != 0:
        raise Missing(f"namespaces need root, and `ip`: {tried.stderr.decode().strip()}")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the exporter in the container; returns the page."""
    require(permitted)

    def start(*mounts: str, run: str = DUMP, **roots: str) -> str:
        settings = {f"EXPORTER_HOST__{name.upper()}": str(tmp_path / path) for name, path in roots.items()}
        done = subprocess.run(
            [*UNSHARE, CONTAINER.format(mounts="\n".join(mounts), run=run)],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(catalogue.ROOT), **settings},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return start


@pytest.fixture(scope="module")
def outside() -> Host:
    """The machine as this test sees it, which is what the container is given as the host's."""
    return Host()


def view(page: str) -> dict[str, str]:
    (labels,) = VIEW.findall(page)
    return dict(re.findall(r'(\w+)="(\w+)"', labels))


def test_daemon_with_the_hosts_folders_shows_the_host(run, outside, tmp_path):
    page = run(HOST_ROOT, HOST_PROC, HOST_SYS, run=SERVE, procfs="proc", sysfs="sys", rootfs="root")
    devices = {*outside.sys_names("class/net")} - {"bonding_masters"}
    assert set(DEVICE.findall(page)) == set(STATE.findall(page)) == devices
    assert "own0" not in page
    mounts = dict(MOUNT.findall(page))
    assert set(mounts) == {mount.mountpoint for mount in outside.mounts()}
    assert set(mounts.values()) == {""}
    assert str(tmp_path / "own") not in page
    whose = "host" if outside.view().processes else "own"
    assert view(page) == {"processes": whose, "net": whose, "net_devices": "same", "mounts": whose}


def test_plain_container_shows_itself_and_says_so(run, tmp_path):
    page = run()
    assert set(DEVICE.findall(page)) == set(STATE.findall(page)) == {"lo", "own0"}
    assert str(tmp_path / "own") in dict(MOUNT.findall(page))
    assert view(page) == {"processes": "own", "net": "own", "net_devices": "same", "mounts": "own"}


def test_without_the_hosts_sys_no_device_has_the_state_of_another(run):
    page = run(HOST_PROC, procfs="proc")
    assert "lo" in DEVICE.findall(page)
    assert "own0" not in DEVICE.findall(page)
    assert STATE.findall(page) == []
    assert 'exporter_collector_skipped{collector="netclass",family="host",reason="unsupported"} 1' in page
    assert view(page)["net_devices"] == "other"


def test_without_the_hosts_root_the_file_systems_are_the_containers(run, tmp_path):
    """Below another root, the host's mount points would have the numbers of other file systems."""
    page = run(HOST_PROC, HOST_SYS, procfs="proc", sysfs="sys", rootfs="own")
    assert str(tmp_path / "own") in dict(MOUNT.findall(page))
    assert view(page)["mounts"] == "own"


def test_mount_that_is_not_below_rootfs_has_an_error_and_no_size(run, outside):
    inner = {mount.mountpoint for mount in outside.mounts()} - {"/"}
    if not inner:
        pytest.skip("this machine has no file system but /")
    page = run(ROOT_ALONE, HOST_PROC, HOST_SYS, procfs="proc", sysfs="sys", rootfs="root")
    mounts = dict(MOUNT.findall(page))
    assert mounts["/"] == ""
    assert {mounts[path] for path in inner} == {"not mounted below rootfs"}
    assert not any(f'mountpoint="{path}"' in line for path in inner for line in sizes(page))


def sizes(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("node_filesystem_size_bytes")]
