"""What is remembered from one scrape to the next, and what ends that."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.collectors.host import netclass
from exporter.collectors.host._fields import ByField, Kept, Numbers
from exporter.collectors.host.meminfo import Meminfo
from exporter.collectors.host.netstat import Netstat
from exporter.collectors.host.vmstat import FIELD, places
from exporter.model.deadline import Deadline
from exporter.sources.host.fake import FakeHost
from tests.record_host import page
from tests.unit.collectors.host.test_host_golden import RECORDING


class Counting(FakeHost):
    """A machine that counts the files that are read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.read_files: list[str] = []

    def _content(self, path: str) -> bytes:
        self.read_files.append(path.rpartition("/sys/class/net/")[2])
        return super()._content(path)


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """The recorded machine's network devices, to be changed."""
    shutil.copytree(RECORDING, tmp_path / "machine")
    return tmp_path / "machine" / "sys/class/net"


def pages(folder: Path, *changes: Callable[[], None]) -> list[str]:
    """The page before and after each change, of one collector."""

    async def run() -> list[str]:
        host = Counting(folder.parents[2])
        collect = netclass.build(host)
        found = [page(await collect(Deadline.after(5))).decode()]
        for change in changes:
            change()
            host.read_files.clear()
            found.append(page(await collect(Deadline.after(5))).decode())
        counts.append(len([name for name in host.read_files if "/" in name and "statistics" not in name]))
        return found

    counts: list[int] = []
    found = asyncio.run(run())
    return [*found, str(counts[0])]


def test_four_files_of_a_device_are_read_while_nothing_happens(devices):
    before, after, reads = pages(devices, lambda: None)
    assert before == after
    assert int(reads) == 4 * len(list(devices.iterdir()))


def test_link_that_goes_shows_at_once(devices):
    def goes() -> None:
        (devices / "eth0/operstate").write_text("down\n")
        (devices / "eth0/carrier").write_text("0\n")
        (devices / "eth0/carrier_changes").write_text("9\n")

    _, after, _ = pages(devices, goes)
    assert 'node_network_up{device="eth0"} 0' in after
    assert 'node_network_carrier{device="eth0"} 0' in after
    assert 'node_network_carrier_changes_total{device="eth0"} 9' in after


def test_another_device_of_the_same_name_is_another_device(devices):
    def replaced() -> None:
        (devices / "eth0/ifindex").write_text("77\n")
        (devices / "eth0/address").write_text("02:00:00:00:00:77\n")

    _, after, _ = pages(devices, replaced)
    assert 'address="02:00:00:00:00:77"' in after
    assert 'node_network_iface_id{device="eth0"} 77' in after


def test_renamed_and_removed_devices_are_gone_at_once(devices):
    def rename() -> None:
        (devices / "ifb0").rename(devices / "wan0")

    _, renamed, removed, _ = pages(devices, rename, lambda: shutil.rmtree(devices / "wan0"))
    assert '"ifb0"' not in renamed
    assert 'node_network_up{device="wan0"} 0' in renamed
    assert '"wan0"' not in removed


def test_the_rest_is_read_again_after_a_minute(devices, monkeypatch):
    monkeypatch.setattr(netclass, "KEPT_SECONDS", 0.0)

    def change() -> None:
        (devices / "eth0/mtu").write_text("9000\n")

    _, after, _ = pages(devices, change)
    assert 'node_network_mtu_bytes{device="eth0"} 9000' in after


def test_kept_value_is_read_again_when_it_is_old_or_forgotten():
    values = iter(range(9))
    kept = Kept(lambda: next(values))
    assert [kept(), kept()] == [0, 0]
    kept.forget()
    assert kept() == 1
    fresh = Kept(lambda: next(values), seconds=0.0)
    assert [fresh(), fresh()] == [2, 3]


def memory(text: str, meminfo: Meminfo) -> dict[str, object]:
    return {column.metric.name: column.values[0] for column in meminfo.parse(text).columns}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A: 7 kB\nB: 8 kB\nC: 9\n", {"A_bytes": 7168, "B_bytes": 8192, "C": 9}),
        ("A: 1 kB\nX: 2 kB\nC: 3\n", {"A_bytes": 1024, "X_bytes": 2048, "C": 3}),
        ("A: 1 kB\nB: 2 MB\nC: 3\n", {"A_bytes": 1024, "C": 3}),
        ("B: 1 kB\nA: 2 kB\nC: 3\n", {"B_bytes": 1024, "A_bytes": 2048, "C": 3}),
        ("A: 1 kB\nB: x kB\nC: 3\n", {"A_bytes": 1024, "C": 3}),
        ("A: 1 kB\nB: 2 kB\n", {"A_bytes": 1024, "B_bytes": 2048}),
        ("A: 1 kB\nB: 99999999999999999999999 kB\nC: 3\n", {"A_bytes": 1024, "C": 3}),
        ("", {}),
    ],
)
def test_places_hold_only_as_long_as_the_words_around_them(text, expected):
    meminfo = Meminfo()
    memory("A: 1 kB\nB: 2 kB\nC: 3\n", meminfo)
    named = {f"node_memory_{name}": value for name, value in expected.items()}
    assert memory(text, meminfo) == named
    assert memory(text, meminfo) == named


def test_readers_of_files_remember_nothing_of_each_other():
    netstat = Netstat(re.compile(""))
    first, second = netstat.pairs(), netstat.pairs()
    one, other = "Tcp: A B\nTcp: 1 2\n", "Udp: A B\nUdp: 3 4\n"
    for _ in range(2):
        assert {m.name: v for m, v in first.read(one).items()} == {
            "node_netstat_Tcp_A": 1,
            "node_netstat_Tcp_B": 2,
        }
        assert {m.name: v for m, v in second.read(other).items()} == {
            "node_netstat_Udp_A": 3,
            "node_netstat_Udp_B": 4,
        }


def test_single_number_of_a_file():
    metrics = ByField(FIELD, re.compile("oom"))
    numbers = Numbers(lambda text: places(text, metrics))
    for count in (3, 4):
        assert list(numbers.read(f"pgfault 1\noom_kill {count}\n").values()) == [count]
