"""Files that are missing, refused, cut or rubbish: nothing but a Skip, and the rest of the file counts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.model.errors import Reason, Skip
from exporter.sources.host.fake import FakeHost
from tests.each import each
from tests.examples import examples
from tests.record_host import ALL_NAMES, GOLDEN, NAMES, RECORDED, collect, page
from tests.unit.collectors.host import made_up

RECORDING = min(RECORDED.iterdir())

FIRST_FILE = {
    "arp": "proc/net/arp",
    "bonding": "sys/class/net/bonding_masters",
    "conntrack": "proc/sys/net/netfilter/nf_conntrack_max",
    "cpu": "proc/stat",
    "cpu_info": "proc/cpuinfo",
    "cpufreq": "sys/devices/system/cpu/present",
    "diskstats": "proc/diskstats",
    "entropy": "proc/sys/kernel/random/entropy_avail",
    "filefd": "proc/sys/fs/file-nr",
    "filesystem": "proc/self/mountinfo",
    "hwmon": "sys/class/hwmon",
    "interrupts": "proc/interrupts",
    "kernel_hung": "proc/sys/kernel/hung_task_detect_count",
    "loadavg": "proc/loadavg",
    "mdadm": "proc/mdstat",
    "meminfo": "proc/meminfo",
    "netclass": "sys/class/net",
    "netdev": "proc/net/dev",
    "netstat": "proc/net/netstat",
    "os": "root/usr/lib/os-release",
    "pressure": "proc/pressure/cpu",
    "processes": "proc/sys/kernel/threads-max",
    "schedstat": "proc/schedstat",
    "selinux": "sys/fs",
    "sockstat": "proc/net/sockstat",
    "softirqs": "proc/stat",
    "softnet": "proc/net/softnet_stat",
    "stat": "proc/stat",
    "systemd": "root/run/dbus/system_bus_socket",
    "tcpstat": "proc/net/tcp",
    "thermal_zone": "sys/class/thermal",
    "udp_queues": "proc/net/udp",
    "vmstat": "proc/vmstat",
}
OF_FOLDERS = {"hwmon", "netclass", "selinux", "systemd", "thermal_zone"}
"""What looks into a folder first, or for a socket: whether files can be read is another matter."""
NOTHING_IS_AN_ANSWER = {"arp", "bonding", "cpufreq", "mdadm", "tcpstat", "udp_queues"}
"""Without a line that is understood, there is nothing of what they count."""
BY_LINE = {
    "arp": "proc/1/net/arp",
    "conntrack": "proc/1/net/stat/nf_conntrack",
    "cpu": "proc/stat",
    "cpu_info": "proc/cpuinfo",
    "interrupts": "proc/interrupts",
    "os": "root/etc/os-release",
    "softirqs": "proc/stat",
    "softnet": "proc/1/net/softnet_stat",
    "udp_queues": "proc/1/net/udp",
    "stat": "proc/stat",
    "diskstats": "proc/diskstats",
    "filesystem": "proc/1/mountinfo",
    "meminfo": "proc/meminfo",
    "netdev": "proc/1/net/dev",
    "netstat": "proc/1/net/netstat",
    "pressure": "proc/pressure/io",
    "sockstat": "proc/1/net/sockstat",
    "vmstat": "proc/vmstat",
}
RUBBISH = (
    b"",
    b"x",
    b":",
    b"cpu",
    b"cpu9 1 2 x 4 5 6 7 8 9 10",
    b"intr",
    b"a b c d e f g h i j k l m n o",
    b"\xff\xfe 1",
)
MORE_FIELDS = b"x 99999999999999999999999999 " * 9


class Altered(FakeHost):
    """The recorded machine, with something else in its files."""

    def __init__(self, alter: Callable[[bytes], bytes], folder: Path = RECORDING) -> None:
        super().__init__(folder)
        self._alter = alter

    def _content(self, path: str) -> bytes:
        return self._alter(super()._content(path))


class Refusing(FakeHost):
    """The recorded machine, of which no file gives its content."""

    def __init__(self, error: OSError) -> None:
        super().__init__(RECORDING)
        self._error = error

    def _content(self, _path: str) -> bytes:
        raise self._error


@pytest.fixture
def empty(tmp_path: Path) -> FakeHost:
    shutil.copy(RECORDING / "answers.json", tmp_path)
    return FakeHost(tmp_path)


@pytest.mark.parametrize("name", FIRST_FILE)
def test_missing_file_is_a_skip_that_names_it(name, empty):
    with pytest.raises(Skip) as caught:
        collect(name, empty)
    assert caught.value.reason is Reason.UNSUPPORTED
    assert FIRST_FILE[name] in str(caught.value)


@pytest.mark.parametrize("name", set(ALL_NAMES) - set(FIRST_FILE))
def test_needs_no_file(name, empty):
    assert page(collect(name, empty))


@pytest.mark.parametrize("name", FIRST_FILE.keys() - OF_FOLDERS)
def test_refused_file_is_a_skip_for_lack_of_a_right(name):
    with pytest.raises(Skip) as caught:
        collect(name, Refusing(PermissionError(13, "Permission denied")))
    assert caught.value.reason is Reason.PERMISSION


def test_switched_off_in_the_kernel_is_a_skip():
    with pytest.raises(Skip) as caught:
        collect("pressure", Refusing(OSError(95, "Operation not supported")))
    assert caught.value.reason is Reason.UNSUPPORTED


@each(product(BY_LINE.items(), [*RUBBISH, MORE_FIELDS]))
def test_malformed_line_loses_only_itself(case):
    (name, file), rubbish = case
    content = (RECORDING / file).read_bytes()
    lines = content.split(b"\n")
    pairs = 2 if name == "netstat" else 1
    broken = [part for i in range(0, len(lines), pairs) for part in (rubbish, *lines[i : i + pairs])]
    host = Altered(lambda found: b"\n".join(broken) if found == content else found)
    assert page(collect(name, host)).decode() == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", (FIRST_FILE.keys() & {*NAMES}) - OF_FOLDERS - NOTHING_IS_AN_ANSWER)
def test_nothing_understood_is_a_skip(name):
    with pytest.raises(Skip) as caught:
        collect(name, Altered(lambda _content: b"?"))
    assert caught.value.reason is Reason.NO_DATA


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Collector -> the machine that has what it reads: the recorded one, else the made up one."""
    made = made_up.write(tmp_path_factory.mktemp("made-up"))
    return {name: RECORDING if name in NAMES else made for name in ALL_NAMES}


def only_a_page_or_a_skip(name: str, alter: Callable[[bytes], bytes], folder: Path) -> None:
    try:
        text = page(collect(name, Altered(alter, folder))).decode()
    except Skip:
        return
    for family in text_string_to_metric_families(text):
        assert family.samples or family.documentation


@pytest.mark.parametrize("name", ALL_NAMES)
@given(content=st.binary(max_size=300))
@examples(15, suppress_health_check=[HealthCheck.too_slow])
def test_random_bytes(machines, name, content):
    only_a_page_or_a_skip(name, lambda _content: content, machines[name])


WORDS = st.sampled_from(
    [
        b" ",
        b"\n",
        b":",
        b"-",
        b"_",
        b"0x",
        b"9" * 25,
        b"9" * 5000,
        b"-1",
        b"1_0",
        b"\xd9\xa1",
        b"\x00",
        b"e308",
        b"\t",
    ]
)


@pytest.mark.parametrize("name", ALL_NAMES)
@given(
    at=st.floats(0, 1),
    length=st.integers(0, 40),
    put=st.lists(st.one_of(WORDS, st.binary(max_size=9)), max_size=4),
)
@examples(25, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_files(machines, name, at, length, put):
    def damage(content: bytes) -> bytes:
        start = int(at * len(content))
        return content[:start] + b"".join(put) + content[start + length :]

    only_a_page_or_a_skip(name, damage, machines[name])
