"""psutil's numbers, in the form of Linux's files, give the same series as the files do."""

from __future__ import annotations

import re

import pytest

from exporter.model.errors import Skip
from exporter.sources.host import Host, open_host
from tests.record_host import NAMES, collect, page

pytestmark = pytest.mark.live

WITHOUT_LINUX = {
    "cpu",
    "diskstats",
    "filesystem",
    "loadavg",
    "meminfo",
    "netdev",
    "stat",
    "textfile",
    "time",
    "uname",
}
SAMPLE = re.compile(r"^([a-z][^ ]*(?:\{.*\})?) (\S+)$", re.MULTILINE)


def shown(name: str, host: Host) -> dict[str, float]:
    return {series: float(value) for series, value in SAMPLE.findall(page(collect(name, host)).decode())}


@pytest.mark.parametrize("name", sorted(WITHOUT_LINUX))
def test_series_are_those_of_linux(name):
    elsewhere = shown(name, open_host(platform="darwin"))
    assert elsewhere
    # psutil shows a file system without the numbers of its device.
    assert elsewhere.keys() <= shown(name, open_host(platform="linux")).keys()


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT_LINUX))
def test_what_psutil_does_not_know_is_skipped(name):
    with pytest.raises(Skip, match=r"only Linux|no line of it"):
        collect(name, open_host(platform="darwin"))


@pytest.mark.parametrize(
    "series",
    [
        "node_memory_MemTotal_bytes",
        "node_memory_SwapTotal_bytes",
        "node_boot_time_seconds",
        'node_filesystem_size_bytes{device="/dev/vda",mountpoint="/",fstype="ext4",device_error=""}',
    ],
)
def test_constant_values_are_the_same(series):
    name = next(
        n for n, part in (("meminfo", "memory"), ("stat", "boot"), ("filesystem", "file")) if part in series
    )
    files = shown(name, open_host(platform="linux"))
    if series not in files:
        pytest.skip(f"this machine has no {series}")
    assert shown(name, open_host(platform="darwin"))[series] == pytest.approx(files[series], abs=1)


def test_counters_go_on_from_there():
    before = shown("cpu", open_host(platform="linux"))
    elsewhere = shown("cpu", open_host(platform="darwin"))
    after = shown("cpu", open_host(platform="linux"))
    for series, value in elsewhere.items():
        assert before[series] - 0.02 <= value <= after[series] + 0.02, series
