"""The daemon beside a /proc that lacks files or has nonsense in them: the page is there, the rest whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.judge import Samples, failed, others_whole, reasons, succeeded, timed_scrape, value
from tests.record_host import RECORDED
from tests.servers import Exporter, PgBouncer, Postgres, Redis, folders

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("host_faults")]

RUBBISH = b"\x00\xff nonsense: 99999999999999999999999 x\n" * 50


@pytest.fixture(scope="module")
def tree() -> Path:
    """A copy of a machine's /proc and /sys as it was recorded."""
    folder = folders.new("host")
    shutil.copytree(min(RECORDED.iterdir()), folder / "host", symlinks=True)
    return folder / "host"


@pytest.fixture(scope="module")
def exporter(tree: Path, postgres: Postgres, redis: Redis, pgbouncer: PgBouncer) -> Iterator[Exporter]:
    with Exporter(
        postgres__dsn=postgres.dsn(),
        redis__address=redis.url,
        pgbouncer__dsn=pgbouncer.dsn(user="stats"),
        host__procfs=str(tree / "proc"),
        host__sysfs=str(tree / "sys"),
    ) as daemon:
        yield daemon


@pytest.fixture(autouse=True)
def whole_before_and_after(exporter: Exporter) -> Iterator[None]:
    """Each test gives back what it took away, and the next page shows it."""
    names = whole(timed_scrape(exporter))
    yield
    assert whole(timed_scrape(exporter)) == names


def whole(samples: Samples) -> set[str]:
    """The page shows everything; the names of the host's metrics."""
    others_whole(samples)
    assert {reason for name, reason in reasons(samples) if name in succeeded(samples, "host")} == set()
    return {name for name in samples if name.startswith("node_")}


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil(path: Path) -> None:
    path.write_bytes(RUBBISH)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def rewrite(text: str) -> Callable[[Path], None]:
    """Another content."""

    def how(path: Path) -> None:
        path.write_text(text)

    return how


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


class Broken:
    """Does something to a file, and undoes it."""

    def __init__(self, path: Path, how: Callable[[Path], None]) -> None:
        self.path, self.how = path, how
        self.kept = path.with_name(path.name + ".kept")

    def __enter__(self) -> None:
        shutil.copy(self.path, self.kept)
        self.how(self.path)

    def __exit__(self, *_: object) -> None:
        if self.path.is_dir():
            self.path.rmdir()
        self.path.unlink(missing_ok=True)
        self.kept.rename(self.path)


FILES = {
    "stat": {"cpu", "stat"},
    "loadavg": {"loadavg"},
    "meminfo": {"meminfo"},
    "vmstat": {"vmstat"},
    "diskstats": {"diskstats"},
    "sys/fs/file-nr": {"filefd"},
    "1/net/dev": {"netdev"},
}
"""File -> whom it takes away."""

PARTS = {
    "1/net/sockstat": ("node_sockstat_TCP_inuse", "node_sockstat_TCP6_inuse"),
    "1/net/sockstat6": ("node_sockstat_TCP6_inuse", "node_sockstat_TCP_inuse"),
    "1/net/snmp6": ("node_netstat_Udp6_InDatagrams", "node_netstat_Udp_InDatagrams"),
    "pressure/cpu": ("node_pressure_cpu_waiting_seconds_total", "node_pressure_io_waiting_seconds_total"),
    "pressure/io": ("node_pressure_io_waiting_seconds_total", "node_pressure_cpu_waiting_seconds_total"),
}
"""One of several files of a collector -> a metric that comes from it, and one that does not."""


@pytest.mark.parametrize("how", [remove, empty, spoil, replace_by_folder, loop])
@pytest.mark.parametrize("file", FILES)
def test_a_file_takes_away_its_own_collectors_only(
    exporter: Exporter, tree: Path, file: str, how: Callable[[Path], None]
) -> None:
    before = succeeded(timed_scrape(exporter), "host")
    with Broken(tree / "proc" / file, how):
        samples = timed_scrape(exporter)
        others_whole(samples, "host")
        assert succeeded(samples, "host") == before - FILES[file]
        gone = {name for name, _ in reasons(samples)} | failed(samples)
        assert FILES[file] <= gone
        upstreams = samples["node_scrape_collector_success"]
        assert all(upstreams[frozenset({("collector", name)})] == 0 for name in FILES[file])


@pytest.mark.parametrize("how", [empty, spoil])
@pytest.mark.parametrize("file", PARTS)
def test_one_of_several_files_takes_away_its_own_metrics_only(
    exporter: Exporter, tree: Path, file: str, how: Callable[[Path], None]
) -> None:
    own, others = PARTS[file]
    with Broken(tree / "proc" / file, how):
        samples = timed_scrape(exporter)
        others_whole(samples)
        assert own not in samples
        assert others in samples


def test_nothing_left_of_proc(exporter: Exporter, tree: Path) -> None:
    aside = tree / "proc.aside"
    (tree / "proc").rename(aside)
    try:
        samples = timed_scrape(exporter)
        others_whole(samples, "host")
        assert "uname" in succeeded(samples, "host")
        assert "node_load1" not in samples
        assert "Traceback" not in exporter.log
    finally:
        aside.rename(tree / "proc")


def test_some_lines_are_damaged(exporter: Exporter, tree: Path) -> None:
    """A damaged line costs itself; what is around it counts."""
    path = tree / "proc" / "meminfo"
    text = path.read_text().replace("MemFree:", "MemFree").replace("Dirty:", "Dirty: x")
    with Broken(path, rewrite(text)):
        samples = timed_scrape(exporter)
        others_whole(samples)
        assert "node_memory_MemTotal_bytes" in samples
        assert "node_memory_MemFree_bytes" not in samples
        assert "node_memory_Dirty_bytes" not in samples


def test_a_value_is_where_it_belongs(exporter: Exporter, tree: Path) -> None:
    path = tree / "proc" / "loadavg"
    with Broken(path, rewrite("7.25 6.50 5.75 1/2 3\n")):
        samples = timed_scrape(exporter)
        assert [value(samples, f"node_load{n}") for n in (1, 5, 15)] == [7.25, 6.5, 5.75]


def test_each_change_is_one_line_of_the_log(exporter: Exporter, tree: Path) -> None:
    start = len(exporter.log)
    with Broken(tree / "proc" / "vmstat", remove):
        for _ in range(5):
            timed_scrape(exporter)
    for _ in range(3):
        timed_scrape(exporter)
    lines = [line for line in exporter.log[start:].splitlines() if "collector=vmstat" in line]

    assert len(lines) == 2
    assert "/proc/vmstat" in lines[0]
    assert "works again" in lines[1]


def test_a_proc_that_is_not_there_at_the_start(postgres: Postgres) -> None:
    """A mount that was forgotten: the rest is served, the start does not fail."""
    with Exporter(postgres__dsn=postgres.dsn(), host__procfs="/nowhere", host__sysfs="/nowhere") as exporter:
        samples = timed_scrape(exporter)
        assert value(samples, "pg_up") == 1
        assert failed(samples, "postgres") == set()
        assert "node_load1" not in samples
        assert "/nowhere" in exporter.log
