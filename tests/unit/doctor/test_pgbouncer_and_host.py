"""The findings about PgBouncer's console and about the host."""

from __future__ import annotations

import asyncio

import pytest

from exporter.doctor import host, pgbouncer
from exporter.doctor.finding import Finding, Severity
from exporter.model.deadline import Deadline
from exporter.model.errors import SourceError, Unavailable
from exporter.sources.host import Host, HostOptions
from exporter.sources.pgbouncer import FakePgBouncer, Row


class Console(FakePgBouncer):
    """The fake, with a name."""

    def describe(self) -> str:
        return "pgbouncer at pool:6432"


def found(answer: list[Row] | SourceError) -> Finding:
    console = Console({"VERSION": answer})
    (finding,) = asyncio.run(pgbouncer.examine(console, 'wat"cher', Deadline.after(1)))
    return finding


def test_a_console_that_answers() -> None:
    finding = found([{"version": "PgBouncer 1.18.0"}])

    assert finding == Finding("pgbouncer at pool:6432", Severity.OK, 'PgBouncer 1.18.0, as user wat"cher')


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("FATAL: not allowed", 'stats_users = wat"cher'),
        ("FATAL: no such user: watcher", '"wat""cher" "..."'),
        ("FATAL: password authentication failed", '"wat""cher" "..."'),
        ("Connection refused", "; is PgBouncer running, and do host and port in pgbouncer.dsn lead to it?"),
    ],
)
def test_a_console_that_refuses(error: str, line: str) -> None:
    finding = found(Unavailable(f"pgbouncer at pool:6432: {error}"))

    assert (finding.severity, finding.what) == (Severity.ERROR, error)
    assert line in finding.remedy.splitlines()


def test_the_hosts_proc() -> None:
    (fine,) = asyncio.run(host.examine(Host(), "/proc"))
    (wrong,) = asyncio.run(host.examine(Host(HostOptions(procfs="/nowhere")), "/nowhere"))

    assert fine.severity is Severity.OK
    assert wrong.severity is Severity.ERROR
    assert wrong.what.startswith("/nowhere is no /proc that can be read: /nowhere/stat: ")
    assert "EXPORTER_HOST__PROCFS" in wrong.remedy
