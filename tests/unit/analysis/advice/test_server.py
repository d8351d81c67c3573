"""Advice about settings and clients: what is said, and how it is to be done on this server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from exporter.analysis.advice import server_advice
from exporter.analysis.advice.settings.change import as_memory, change
from exporter.analysis.finding import Finding, Kind, Severity
from exporter.facts.server import (
    Checkpoints,
    DatabaseStatistics,
    ServerFacts,
    Session,
    Setting,
    StatementStore,
)

DAY = 86_400.0
GB = 1 << 30
VALUES = {
    **{name: Setting(name, "on") for name in ("fsync", "full_page_writes", "autovacuum", "track_counts")},
    **{name: Setting(name, "on") for name in ("track_io_timing", "log_lock_waits")},
    "shared_buffers": Setting("shared_buffers", "524288", "8kB", context="postmaster"),
    "effective_cache_size": Setting("effective_cache_size", "1572864", "8kB"),
    "work_mem": Setting("work_mem", "4096", "kB"),
    "maintenance_work_mem": Setting("maintenance_work_mem", "524288", "kB"),
    "max_wal_size": Setting("max_wal_size", "4096", "MB", context="sighup"),
    "checkpoint_timeout": Setting("checkpoint_timeout", "300", "s"),
    "max_connections": Setting("max_connections", "100", context="postmaster"),
    "superuser_reserved_connections": Setting("superuser_reserved_connections", "3"),
    "huge_pages": Setting("huge_pages", "try"),
    "random_page_cost": Setting("random_page_cost", "1.1"),
    "default_statistics_target": Setting("default_statistics_target", "100"),
    "log_min_duration_statement": Setting("log_min_duration_statement", "1000", "ms"),
    "password_encryption": Setting("password_encryption", "scram-sha-256"),
    "idle_in_transaction_session_timeout": Setting("idle_in_transaction_session_timeout", "600000", "ms"),
    "statement_timeout": Setting("statement_timeout", "0", "ms"),
    "autovacuum_max_workers": Setting("autovacuum_max_workers", "3"),
    "autovacuum_vacuum_cost_delay": Setting("autovacuum_vacuum_cost_delay", "2", "ms"),
    "pg_stat_statements.max": Setting("pg_stat_statements.max", "5000", context="postmaster"),
    "shared_preload_libraries": Setting("shared_preload_libraries", "auto_explain, pg_stat_statements"),
}
SERVER = ServerFacts(
    major=16,
    taken_at=0,
    uptime_seconds=30 * DAY,
    settings=VALUES,
    set_for_some=frozenset({"statement_timeout"}),
    databases=[DatabaseStatistics(datname="shop", seconds=30 * DAY, xact_commit=10**8, sessions=5000)],
    checkpoints=Checkpoints(timed=8000, requested=20, seconds=30 * DAY),
    statements=StatementStore(True, True, 900, 0, 30 * DAY),
    memory_bytes=16 * GB,
)


def having(**settings: str) -> ServerFacts:
    """The server with other values; `__` stands for a dot."""
    named = {name.replace("__", "."): value for name, value in settings.items()}
    changed = {
        name: replace(VALUES.get(name, Setting(name, "")), value=value) for name, value in named.items()
    }
    return replace(SERVER, settings={**VALUES, **changed})


def with_database(**more: Any) -> ServerFacts:
    return replace(SERVER, databases=[replace(SERVER.databases[0], **more)])


def found(server: ServerFacts) -> dict[str, Finding]:
    return {finding.rule: finding for finding in server_advice(server)}


def test_a_server_that_was_set_up_with_care_gets_no_advice() -> None:
    assert found(SERVER) == {}


SESSION = Session(datname="shop", user="web", state="idle", application="api")
IDLE = [SESSION] * 60
WAITING = replace(SESSION, state="idle in transaction", state_seconds=400.0, transaction_seconds=500.0)
LONG = replace(SESSION, state="active", transaction_seconds=7200.0, xmin_age=1000)

CASES: Sequence[tuple[ServerFacts, str, Severity]] = [
    (having(fsync="off"), "fsync", Severity.CRITICAL),
    (having(full_page_writes="off"), "full_page_writes", Severity.CRITICAL),
    (having(autovacuum="off"), "autovacuum", Severity.WARNING),
    (having(track_counts="off"), "track_counts", Severity.WARNING),
    (having(shared_buffers="16384"), "shared_buffers", Severity.INFO),
    (having(shared_buffers="1310720"), "shared_buffers", Severity.INFO),
    (having(effective_cache_size="524288"), "effective_cache_size", Severity.INFO),
    (having(maintenance_work_mem="65536"), "maintenance_work_mem", Severity.INFO),
    (having(checkpoint_timeout="60"), "checkpoint_timeout", Severity.INFO),
    (having(password_encryption="md5"), "password_encryption", Severity.INFO),
    (having(random_page_cost="4"), "random_page_cost", Severity.INFO),
    (having(default_statistics_target="10"), "default_statistics_target", Severity.INFO),
    (having(log_min_duration_statement="-1"), "log_min_duration_statement", Severity.INFO),
    (having(autovacuum_vacuum_cost_delay="20"), "autovacuum_vacuum_cost_delay", Severity.INFO),
    (having(idle_in_transaction_session_timeout="0"), "idle_in_transaction_session_timeout", Severity.INFO),
    (having(max_connections="2000"), "max_connections", Severity.INFO),
    (replace(SERVER, set_for_some=frozenset()), "statement_timeout", Severity.INFO),
    (replace(SERVER, autovacuum_workers=3), "autovacuum_max_workers", Severity.INFO),
    (replace(SERVER, checkpoints=Checkpoints(2000, 6000, 30 * DAY)), "max_wal_size", Severity.WARNING),
    (replace(SERVER, checkpoints=Checkpoints(2000, 1200, 30 * DAY)), "max_wal_size", Severity.INFO),
    (replace(SERVER, statements=StatementStore()), "pg_stat_statements", Severity.INFO),
    (replace(SERVER, statements=StatementStore(True)), "pg_stat_statements_extension", Severity.INFO),
    (
        replace(SERVER, statements=StatementStore(True, True, 5000, 3000, 30 * DAY)),
        "pg_stat_statements.max",
        Severity.WARNING,
    ),
    (with_database(temp_files=9000, temp_bytes=90 * GB), "work_mem", Severity.INFO),
    (with_database(temp_files=900_000, temp_bytes=90_000 * GB), "work_mem", Severity.WARNING),
    (with_database(sessions=30_000_000), "connection_churn", Severity.INFO),
    (with_database(sessions=90_000_000), "connection_churn", Severity.WARNING),
    (with_database(sessions=4 * 10**6, sessions_fatal=10**6), "sessions_fatal", Severity.INFO),
    (with_database(deadlocks=900), "deadlocks", Severity.WARNING),
    (with_database(xact_rollback=10**8), "rollbacks", Severity.INFO),
    (with_database(xid_age=1_100_000_000), "transactions", Severity.WARNING),
    (with_database(mxid_age=1_800_000_000), "multixacts", Severity.CRITICAL),
    (replace(SERVER, sessions=IDLE), "idle_sessions", Severity.INFO),
    (replace(SERVER, sessions=[LONG]), "long_transaction", Severity.WARNING),
    (
        replace(SERVER, sessions=[replace(LONG, transaction_seconds=1000.0)]),
        "long_transaction",
        Severity.INFO,
    ),
    (replace(SERVER, sessions=[WAITING]), "idle_in_transaction", Severity.WARNING),
    (replace(SERVER, sessions=[replace(WAITING, state_seconds=90.0)]), "idle_in_transaction", Severity.INFO),
    (
        replace(SERVER, sessions=[replace(LONG, transaction_seconds=1.0)] * 80),
        "connections",
        Severity.WARNING,
    ),
    (
        replace(SERVER, sessions=[replace(LONG, transaction_seconds=1.0)] * 95),
        "connections",
        Severity.CRITICAL,
    ),
]


@pytest.mark.parametrize(("server", "rule", "severity"), CASES, ids=[f"{c[1]} {c[2]}" for c in CASES])
def test_each_defect_is_the_only_one_that_is_found(
    server: ServerFacts, rule: str, severity: Severity
) -> None:
    findings = found(server)

    assert {name: finding.severity for name, finding in findings.items()} == {rule: severity}
    assert findings[rule].evidence or not findings[rule].sql or findings[rule].subject == "pg_stat_statements"


QUIET = [
    with_database(seconds=60.0, sessions=600, temp_files=4, deadlocks=1, xact_rollback=9000),
    with_database(sessions_abandoned=4000),
    replace(SERVER, checkpoints=Checkpoints(0, 5, 60.0)),
    replace(SERVER, is_standby=True, checkpoints=Checkpoints(10, 9000, DAY)),
    replace(SERVER, sessions=[replace(WAITING, state_seconds=5.0), replace(LONG, transaction_seconds=60.0)]),
    replace(SERVER, sessions=[replace(LONG, xmin_age=None)]),
    replace(SERVER, memory_bytes=None),
    having(log_min_duration_statement="-1", auto_explain__log_min_duration="500"),
]


@pytest.mark.parametrize("server", QUIET)
def test_what_may_well_be_is_not_mentioned(server: ServerFacts) -> None:
    assert found(server) == {}


def test_a_value_is_given_as_this_server_takes_it() -> None:
    values = dict(VALUES, autovacuum=Setting("autovacuum", "on", source="command line"))
    server = replace(SERVER, settings=values)

    assert change(server, "max_wal_size", "8GB") == [
        "ALTER SYSTEM SET max_wal_size = '8GB';",
        "SELECT pg_reload_conf();",
    ]
    assert change(server, "shared_buffers", "4GB") == [
        "ALTER SYSTEM SET shared_buffers = '4GB';  -- restart needed"
    ]
    assert change(server, "shared_preload_libraries", 'a, "b c", x') == [
        "ALTER SYSTEM SET shared_preload_libraries = 'a', 'b c', 'x';",
        "SELECT pg_reload_conf();",
    ]
    (line,) = change(server, "autovacuum", "off")
    assert line.startswith("-- it stands on the server's command line")


@pytest.mark.parametrize("service", ["Amazon RDS", "Google Cloud SQL", "Azure Database for PostgreSQL"])
def test_a_managed_service_is_never_told_alter_system(service: str) -> None:
    bad = having(random_page_cost="4", autovacuum="off", shared_buffers="16384", checkpoint_timeout="60")
    findings = list(server_advice(replace(bad, managed=service, statements=StatementStore())))

    assert len(findings) == 5
    lines = [line for finding in findings for line in finding.sql]
    assert all(line.startswith(("-- ", "CREATE EXTENSION")) for line in lines)
    assert any(line.startswith(f"-- {service}: change it in ") for line in lines)


def test_what_is_suggested_fits_the_machine() -> None:
    small = replace(having(shared_buffers="16384"), memory_bytes=10 * GB)
    buffers = found(small)["shared_buffers"].sql
    temp = replace(with_database(temp_files=9000, temp_bytes=9000 * GB), memory_bytes=8 * GB)

    assert buffers == ["ALTER SYSTEM SET shared_buffers = '2560MB';  -- restart needed"]
    assert "ALTER SYSTEM SET work_mem = '20MB';" in found(temp)["work_mem"].sql, "a quarter for all sessions"


def test_without_the_machines_memory_only_traffic_speaks() -> None:
    unknown = replace(having(shared_buffers="16384"), memory_bytes=None)
    busy = replace(unknown, databases=[replace(SERVER.databases[0], blks_read=10**10)])

    assert found(unknown) == {}
    assert found(busy)["shared_buffers"].sql == []


def test_a_changed_setting_that_waits_is_named() -> None:
    waiting = replace(VALUES["shared_buffers"], pending=True)
    (finding,) = server_advice(replace(SERVER, settings={**VALUES, "shared_buffers": waiting}))

    assert (finding.kind, finding.rule, finding.subject) == (
        Kind.SETTING,
        "pending_restart",
        "shared_buffers",
    )


@pytest.mark.parametrize(
    ("count", "written"), [(GB, "1GB"), (3 * GB // 2, "1536MB"), (100 * 1024, "100kB"), (1500, "1kB")]
)
def test_memory_is_written_as_settings_take_it(count: int, written: str) -> None:
    assert as_memory(count) == written
