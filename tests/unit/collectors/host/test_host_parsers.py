"""What the recorded machine does not show: other kernels, other hardware, other states."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from exporter.collectors.host import (
    _disk_info,
    diskstats,
    filesystem,
    netclass,
    netdev,
    netstat,
    pressure,
    sockstat,
)
from exporter.collectors.host._fields import ByField, Numbers, whole, wholes
from exporter.collectors.host.meminfo import Meminfo
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Partial, Reason, Skip
from exporter.model.metric import untyped
from exporter.model.table import Table
from exporter.sources.host import Host, Mount, Space
from exporter.sources.host.fake import FakeHost
from tests.record_host import page
from tests.unit.collectors.host.test_host_golden import RECORDING


def values(table: Table) -> dict[str, object]:
    return {column.metric.name: column.values[0] for column in table.columns}


@pytest.mark.parametrize("text", ["", "-", "1_0", "\u0661", "²", "1.0", " 1", "0x1", "nan", "9" * 21])
def test_only_the_kernels_numbers_are_numbers(text):
    assert whole(text) is None
    assert wholes(["1", text]) is None


def test_numbers():
    assert whole("18446744073709551615") == 2**64 - 1
    assert whole("-1") == -1
    assert wholes(["0", "12"]) == [0, 12]


def test_names_of_fields():
    by_field = ByField(untyped("node_x_<field>", "The field <field>."), re.compile("^a"))
    assert by_field["a(b)"] == untyped("node_x_a_b", "The field a(b).")
    assert by_field["b"] is None
    assert by_field["a-b"] is None


def test_memory_in_units_that_are_not_known_is_left_out():
    table = Meminfo().parse("MemTotal: 2 kB\nMemFree: 2 MB\nActive(anon): 3 kB\nHugePages_Total: 4\n")
    assert values(table) == {
        "node_memory_MemTotal_bytes": 2048,
        "node_memory_Active_anon_bytes": 3072,
        "node_memory_HugePages_Total": 4,
    }


def test_disks_of_older_kernels_have_fewer_columns():
    old = " 8 0 sda " + " ".join(map(str, range(1, 12)))
    ((device, columns),) = diskstats.parse(old).items()
    assert device == ("sda", "8", "0")
    assert columns == [1, 2, 1536, 0.004, 5, 6, 3584, 0.008, 9, 0.01, 0.011, *[None] * 6]
    newer = diskstats.parse(old + " 12 13 14 15")["sda", "8", "0"]
    assert newer[11:] == [12, 13, 14, 0.015, None, None]


def test_default_filter_of_disks():
    host = FakeHost(RECORDING)
    excluded = ["ram0", "zram1", "loop7", "sda1", "vdb2", "nvme0n1p3", "fd0"]
    assert [
        name
        for name in [*excluded, "sda", "nvme0n1", "dm-0", "md127"]
        if host.disk_device_exclude.search(name)
    ] == excluded


def udev(folder: Path, device: str, *lines: str) -> FakeHost:
    (folder / "udev").mkdir()
    (folder / "udev" / device).write_text("\n".join(lines))
    (folder / "answers.json").write_text((RECORDING / "answers.json").read_text())
    return FakeHost(folder)


def test_what_udev_knows_of_a_disk(tmp_path):
    lines = (
        "S:disk/by-id/x",
        "E:ID_MODEL=Disk_1",
        "E:ID_SERIAL=long",
        "E:ID_SERIAL_SHORT=short",
        "E:ID_FS_TYPE=ext4",
    )
    ata = ("E:ID_ATA=1", "E:ID_ATA_WRITE_CACHE=1", "E:ID_ATA_ROTATION_RATE_RPM=7200", "E:DM_NAME=vg-lv")
    host = udev(tmp_path, "b8:0", *lines, *ata)
    (tmp_path / "sys/block/sda/queue").mkdir(parents=True)
    (tmp_path / "sys/block/sda/queue/rotational").write_text("1\n")
    text = page(_disk_info.tables(host, [("sda", "8", "0")])).decode()
    assert (
        'node_disk_info{device="sda",major="8",minor="0",path="",wwn="",model="Disk_1",serial="short"' in text
    )
    assert 'rotational="1"} 1' in text
    assert 'node_disk_filesystem_info{device="sda",type="ext4",usage="",uuid="",version=""} 1' in text
    assert 'node_disk_device_mapper_info{device="sda",name="vg-lv"' in text
    assert 'node_disk_ata_rotation_rate_rpm{device="sda"} 7200' in text
    assert "write_cache_enabled" not in text


def test_devices_whose_names_have_colons_and_columns_that_are_not_known():
    numbers = " ".join(["7"] * 15)
    devices = netdev.parse(f" eth0:1: {numbers} -\n short: 1 2 3\n")
    assert devices == {"eth0:1": [*[7] * 15, None]}


def test_netstat_pairs_of_other_lengths_lose_only_themselves():
    parser = netstat.Netstat(re.compile(""))
    found = parser.pairs().read("Tcp: A B\nTcp: 1\nUdp: A B\nUdp: 3 x\nIp: A\nIp: -1\n")
    assert {m.name: v for m, v in found.items()} == {"node_netstat_Udp_A": 3, "node_netstat_Ip_A": -1}


def test_netstat_of_version_six():
    parser = netstat.Netstat(re.compile(""))
    found = parser.single_lines().read("Ip6InReceives   \t1\nUdpLite6InErrors\t2\nNoSix 3\n")
    assert {m.name: v for m, v in found.items()} == {
        "node_netstat_Ip6_InReceives": 1,
        "node_netstat_UdpLite6_InErrors": 2,
    }


def test_memory_of_sockets_in_pages_and_bytes():
    metrics = ByField(sockstat.FIELD)
    found = Numbers(lambda text: sockstat.places(text, metrics)).read("TCP: inuse 4 mem 3\n")
    assert {m.name: v for m, v in found.items()} == {
        "node_sockstat_TCP_inuse": 4,
        "node_sockstat_TCP_mem": 3,
        "node_sockstat_TCP_mem_bytes": 3 * sockstat.PAGE_BYTES,
    }


def test_pressure_in_seconds():
    found = pressure.parse("full avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n", pressure.BY_FILE["irq"])
    assert {m.name: v for m, v in found.items()} == {"node_pressure_irq_stalled_seconds_total": 2.5}


def test_network_device_in_words_and_numbers():
    found = {"operstate": "unknown", "flags": "0x1003", "speed": "1000", "carrier": "x", "mtu": "1500"}
    text = page(netclass.tables({"tun0": found, "bonding_masters": {}})).decode()
    assert 'node_network_up{device="tun0"} 0' in text
    assert 'operstate="unknown",ifalias="",adminstate="up"} 1' in text
    assert 'node_network_speed_bytes{device="tun0"} 125000000' in text
    assert "node_network_carrier{" not in text
    assert "bonding_masters" not in text


class Mounted(FakeHost):
    """A host with these mounts, of which some answer."""

    def __init__(self, answers: dict[bytes, Space | str], *paths: str) -> None:
        super().__init__(RECORDING)
        self.answers = answers
        self.paths = paths

    def mounts(self) -> list[Mount]:
        return [Mount(f"/dev{p}", p, p.encode(), "ext4", "8", "1", readonly=p == "/ro") for p in self.paths]

    async def statvfs(self, paths, deadline):
        _ = paths, deadline
        return self.answers


def run(host: Host) -> Sequence[Table]:
    async def collect() -> Sequence[Table]:
        return await filesystem.build(host)(Deadline.after(1))

    return asyncio.run(collect())


SPACE = Space(100, 50, 40, 10, 5)


def test_mount_with_an_error_has_only_its_state():
    host = Mounted({b"/": SPACE, b"/ro": "stale file handle"}, "/", "/ro")
    labels = '{device="/dev/ro",mountpoint="/ro",fstype="ext4",device_error="stale file handle"}'
    tables = run(host)
    lines = page(tables).decode().splitlines()
    assert [line for line in lines if 'mountpoint="/ro"' in line] == [
        f"node_filesystem_device_error{labels} 1",
        f"node_filesystem_readonly{labels} 1",
    ]
    assert (
        'node_filesystem_avail_bytes{device="/dev/",mountpoint="/",fstype="ext4",device_error=""} 40' in lines
    )


def test_mount_that_was_not_asked_is_unknown_and_the_run_failed():
    host = Mounted({b"/": SPACE}, "/", "/late")
    with pytest.raises(Partial) as caught:
        run(host)
    assert isinstance(caught.value.error, DeadlineExceeded)
    assert "/late" in str(caught.value)
    text = page(caught.value.tables).decode()
    assert 'mountpoint="/"' in text
    assert "/late" not in text


def test_no_mount_that_counts_is_a_skip():
    with pytest.raises(Skip) as caught:
        run(Mounted({}))
    assert caught.value.reason is Reason.NO_DATA
