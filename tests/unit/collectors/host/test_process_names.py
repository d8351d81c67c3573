"""The built-in groups: PostgreSQL by its titles, servers by name, Python by its script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.host._process_names import (
    MOST_DATABASES,
    OTHERS,
    DataStack,
    backend,
    python_script,
)
from exporter.sources.host.processes_rules import Candidate
from tests.unit.collectors.host.process_corpus import One, Seen


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("postgres: checkpointer ", ("checkpointer", "")),
        ("postgres: background writer ", ("background writer", "")),
        ("postgres: walwriter", ("walwriter", "")),
        ("postgres: autovacuum worker shop", ("autovacuum worker", "")),
        ("postgres: 15/main: autovacuum launcher ", ("autovacuum launcher", "")),
        ("postgres: a: b: checkpointer ", ("checkpointer", "")),
        ("postgres: walsender repl 10.0.0.9(41022) streaming 0/3000148", ("walsender", "")),
        ("postgres: eu: walsender repl shop 10.0.0.9(41022) streaming", ("walsender", "")),
        ("postgres: walreceiver streaming 0/3000148", ("walreceiver", "")),
        ("postgres: startup recovering 000000010000000000000003", ("startup", "")),
        ("postgres: io worker 2", ("io worker", "")),
        (
            "postgres: logical replication apply worker for subscription 16399 ",
            ("logical replication apply worker", ""),
        ),
        ("postgres: parallel worker for PID 4711 ", ("parallel worker", "")),
        ("postgres: pg_cron launcher ", ("background worker", "")),
        ("postgres: alice shop [local] idle", ("client", "shop")),
        ("postgres: alice shop 10.0.0.7(51234) SELECT", ("client", "shop")),
        ("postgres: alice shop ::1(51234) idle in transaction", ("client", "shop")),
        ("postgres: 15/main: a lice shop 10.0.0.7(51234) idle", ("client", "shop")),
        ("postgres: startup shop [local] idle", ("client", "shop")),
        ("postgres: ", ("background worker", "")),
    ],
)
def test_titles_of_postgresql(title, expected):
    assert backend(title) == expected


@given(st.text())
def test_any_title(title):
    backend("postgres: " + title)


def name(naming: DataStack, one: One) -> str | None:
    seen = Seen(one)
    return naming.group(Candidate(seen.all()[0], seen))


@pytest.mark.parametrize(
    ("one", "group"),
    [
        (One(5, "postgres", "/usr/lib/postgresql/15/bin/postgres\0-D\0/data"), "postgres postmaster"),
        (One(5, "postgres", "postgres: alice shop [local] idle"), "postgres client shop"),
        (One(5, "redis-server", "/usr/bin/redis-server 127.0.0.1:6379"), "redis-server"),
        (One(5, "redis-server", "redis-server *:26379 [sentinel]"), "redis-sentinel"),
        (One(5, "valkey-server", "valkey-server *:26379 [sentinel]"), "valkey-sentinel"),
        (One(5, "pgbouncer", "pgbouncer\0/etc/pgbouncer.ini"), "pgbouncer"),
        (One(5, "gunicorn", "/usr/bin/python3\0/usr/bin/gunicorn\0shop:app"), "python gunicorn"),
        (One(5, "gunicorn: wor", "gunicorn: worker [shop]"), "python gunicorn"),
        (One(5, "python3.12", "python3.12\0-m\0uvicorn\0shop:app"), "python uvicorn"),
        (One(5, "python", "python\0-u\0-X\0dev\0/srv/worker.py\0--fast"), "python worker.py"),
        (One(5, "python", "python\0-m\0exporter\0serve"), "datastack-exporter"),
        (One(5, "python", "python\0-c\0import this"), None),
        (One(5, "python", "python"), None),
        (One(5, "sshd", "sshd: alice"), None),
        (One(5, "kworker/0:1"), None),
    ],
)
def test_built_in_groups(one, group):
    assert name(DataStack(), one) == group


def test_databases_are_bounded():
    naming = DataStack()
    names = [
        name(naming, One(5, "postgres", f"postgres: alice db{n} [local] idle"))
        for n in range(MOST_DATABASES + 3)
    ]
    assert len(set(names)) == MOST_DATABASES + 1
    assert names[-1] == f"postgres client {OTHERS}"
    assert name(naming, One(5, "postgres", "postgres: bob db0 [local] idle")) == "postgres client db0"


def test_script_of_something_else():
    assert python_script([]) is None
