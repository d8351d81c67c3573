"""The command `baseline` on a server under load: an index that goes and comes back, and noise."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.live.doctoring import SECRET, Ran, command
from tests.servers import Postgres, require

pytestmark = [pytest.mark.live, pytest.mark.slow]

TABLES = f"""
CREATE EXTENSION pg_stat_statements;
CREATE ROLE watcher LOGIN PASSWORD '{SECRET}'; GRANT pg_monitor TO watcher;
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text);
INSERT INTO orders SELECT g, g % 5000, repeat('x', 60) FROM generate_series(1, 60000) AS g;
CREATE INDEX by_customer ON orders (customer_id);
ANALYZE
"""
SLOWED = "SELECT note FROM orders WHERE customer_id = %s"
STATEMENTS = (
    SLOWED,
    "SELECT note FROM orders WHERE id = %s",
    "SELECT count(*) FROM orders WHERE id < %s",
    "SELECT max(id) FROM orders WHERE id > %s",
    "UPDATE orders SET note = note WHERE id = %s",
    "SELECT length(note) FROM orders WHERE id = %s",
    "SELECT customer_id FROM orders WHERE id = %s",
)
PAUSE_SECONDS = 0.004

Baseline = Callable[..., Ran]


@contextmanager
def _load(server: Postgres) -> Iterator[None]:
    """Each statement a hundred times a second or so."""
    end = Event()

    def work() -> None:
        with server.connect() as session:
            turn = 0
            while not end.wait(PAUSE_SECONDS):
                turn += 1
                for statement in STATEMENTS:
                    session.execute(statement.encode(), (1 + turn * 1009 % 3000,))

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(10)


@pytest.fixture
def baseline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Baseline]:
    """baseline("create", "--name", "a"): the command, on a server of its own under load."""
    with require(Postgres, settings={"shared_preload_libraries": "pg_stat_statements"}) as server:
        server.execute(TABLES)
        dsn = server.dsn(user="watcher", password=SECRET)

        def run(*argv: str, **settings: str) -> Ran:
            settings = {"analysis__directory": str(tmp_path), "postgres__dsn": dsn, **settings}
            return command(monkeypatch, capsys, ["baseline", *argv], **settings)

        run.__dict__["server"] = server
        yield run


def _found(ran: Ran) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ran.out)
    return document


def test_an_index_that_goes_and_comes_back(baseline: Baseline, tmp_path: Path) -> None:
    server: Postgres = vars(baseline)["server"]
    with _load(server):
        # Two seconds: what else the machine does comes in bursts as long as a second.
        kept = baseline("create", "--name", "before", "--seconds", "2")
        noise = [baseline("compare", "before", "--seconds", "2") for _ in range(2)]
        server.execute("DROP INDEX by_customer")
        slower = baseline("compare", "before", "--seconds", "1", "--format", "json")
        baseline("create", "--name", "slow", "--seconds", "1")
        server.execute("CREATE INDEX by_customer ON orders (customer_id)")
        faster = baseline("compare", "slow", "now", "--format", "json")
    both = baseline("compare")

    assert (kept.code, kept.err) == (0, "")
    assert [(ran.code, ran.out.partition(":")[0]) for ran in noise] == [(0, "same")] * 2
    worse = [s["text"] for s in _found(slower)["statements"] if s["verdict"] == "worse"]
    assert (slower.code, worse) == (1, [SLOWED.replace("%s", "$1")])
    better = [s["text"] for s in _found(faster)["statements"] if s["verdict"] == "better"]
    assert (faster.code, _found(faster)["verdict"], better) == (0, "better", worse)
    assert both.code == 1
    assert both.out.startswith("worse: 1 statement is slower than before")
    assert "times as slow: It reads" in both.out
    (file,) = tmp_path.glob("baselines/main/before.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_shown_and_what_goes_wrong(baseline: Baseline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "COLUMNS", "90")
    empty = baseline("show")
    alone = baseline("compare")
    kept = baseline("create", "--lifetime", "--name", "all", "--format", "json")
    again = baseline("create", "--name", "all")
    listed, shown = baseline("show"), baseline("show", "all")
    idle = baseline("compare", "all", "now", "--lifetime")
    wrong = [
        baseline("show", "nothing"),
        baseline("show", "a", "b"),
        baseline("create", "--seconds", "0"),
        baseline("erase"),
        baseline("create", "--name", "now"),
        baseline("create", "--lifetime", postgres__dsn=""),
        baseline("create", "--lifetime", postgres__dsn="host=127.0.0.1 port=1"),
    ]

    assert (empty.code, alone.code, alone.out) == (0, 2, "")
    assert "it takes two baselines" in alone.err
    assert _found(kept)["lifetime"] is True
    assert "there is a baseline all already" in again.err
    assert "all" in listed.out
    assert "INSERT INTO orders" in shown.out
    assert max(map(len, shown.out.splitlines()[:4])) <= 90
    assert (idle.code, idle.out.partition(":")[0]) == (2, "not comparable")
    assert [ran.code for ran in wrong] == [2] * 7
    assert all(len(ran.err.splitlines()) <= 2 and "Traceback" not in ran.err for ran in wrong)
    assert SECRET not in repr([kept, shown])


def test_each_target_has_its_own(baseline: Baseline) -> None:
    server: Postgres = vars(baseline)["server"]
    dsn = server.dsn(user="watcher", password=SECRET)
    made = baseline(
        "create", "--lifetime", "--name", "a", "--target", "orders", targets__orders__postgres__dsn=dsn
    )
    theirs = baseline("show", "--target", "orders", targets__orders__postgres__dsn=dsn)

    assert made.code == 0
    assert "a " in theirs.out
    assert "no baselines" in baseline("show").out
