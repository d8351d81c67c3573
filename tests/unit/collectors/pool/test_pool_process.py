"""PgBouncer's process from a /proc, by its pid file."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from exporter.collectors.pool import pgbouncer_process
from exporter.collectors.pool.pgbouncer_process import METRICS, table
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip, SourceError
from exporter.sources.pgbouncer import FakePgBouncer, PgBouncerOptions
from exporter.sources.pgbouncer.process import PAGE, TICKS, read_process

STAT = "42 (a ) b (c) S 1 42 42 0 -1 0 5 0 0 0 {user} {kernel} 0 0 20 0 1 0 {start} 1000000 250 99\n"
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max address space         unlimited            unlimited            bytes
Max open files            1024                 4096                 files
Max realtime timeout      odd                  odd                  us
"""
NETSTAT = "TcpExt: A B\nTcpExt: 1 2\nIpExt: InNoRoutes InOctets OutOctets\nIpExt: 0 700 80\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with one process, 42."""
    own = tmp_path / "42"
    (own / "net").mkdir(parents=True)
    (own / "fd").mkdir()
    for fd in range(3):
        (own / "fd" / str(fd)).touch()
    (own / "stat").write_text(STAT.format(user=2 * TICKS, kernel=TICKS, start=100 * TICKS))
    (own / "limits").write_text(LIMITS)
    (own / "net" / "netstat").write_text(NETSTAT)
    (tmp_path / "stat").write_text("cpu 1 2\nbtime 1700000000\n")
    (tmp_path / "pid").write_text("42\n")
    return tmp_path


def values(pid: Path, proc: Path) -> dict[str, object]:
    shown = table(read_process(pid, proc))
    return {
        column.metric.name.removeprefix("pgbouncer_process_"): column.values[0] for column in shown.columns
    }


def test_all_that_there_is(proc: Path) -> None:
    assert values(proc / "pid", proc) == {
        "cpu_seconds_total": 3,
        "start_time_seconds": 1_700_000_100,
        "virtual_memory_bytes": 1_000_000,
        "resident_memory_bytes": 250 * PAGE,
        "open_fds": 3,
        "max_fds": 1024,
        "virtual_memory_max_bytes": 2.0**64,
        "network_receive_bytes_total": 700,
        "network_transmit_bytes_total": 80,
    }
    assert len(METRICS) == 9


def test_what_may_not_be_read_is_absent(proc: Path) -> None:
    (proc / "42" / "limits").unlink()
    (proc / "42" / "net" / "netstat").write_text("IpExt: InOctets\n")
    for file in (proc / "42" / "fd").iterdir():
        file.unlink()
    (proc / "42" / "fd").rmdir()
    found = values(proc / "pid", proc)
    absent = {name for name, value in found.items() if value is None}
    assert absent == {
        "open_fds",
        "max_fds",
        "virtual_memory_max_bytes",
        "network_receive_bytes_total",
        "network_transmit_bytes_total",
    }


@pytest.mark.parametrize("text", ["", "x", "7\n", "-1", "42 43", "\udcff", "9" * 30])
def test_a_file_that_names_no_process_is_an_error_with_the_reason(proc: Path, text: str) -> None:
    (proc / "pid").write_text(text, errors="surrogateescape")
    with pytest.raises(SourceError, match=r"pid|not there|stat"):
        read_process(proc / "pid", proc)


def test_no_file_and_no_proc(proc: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is PgBouncer running"):
        read_process(proc / "none", proc)
    with pytest.raises(Skip) as caught:
        read_process(proc / "pid", tmp_path / "nowhere")
    assert caught.value.reason is Reason.UNSUPPORTED


async def test_only_with_the_setting(tmp_path: Path) -> None:
    build = pgbouncer_process.COLLECTOR.build
    with pytest.raises(Skip, match="pid_file is not set"):
        await build(FakePgBouncer({}))(Deadline.after(1))
    pid = tmp_path / "pid"
    pid.write_text(str(os.getpid()))
    (shown,) = await build(FakePgBouncer({}, PgBouncerOptions("", pid_file=pid)))(Deadline.after(1))
    found = {column.metric.name: column.values[0] for column in shown.columns}
    us = psutil.Process()
    assert found["pgbouncer_process_start_time_seconds"] == pytest.approx(us.create_time(), abs=2)
    assert found["pgbouncer_process_resident_memory_bytes"] == pytest.approx(us.memory_info().rss, rel=0.1)
    assert found["pgbouncer_process_open_fds"] == pytest.approx(us.num_fds(), abs=3)
