"""What only some users need is imported only where it is configured: the idle daemon is small."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
import exporter.daemon
from exporter.cli._options import Options
from exporter.stack import Stack

os.environ.clear()
options = Options.discovered({variables!r})
Stack(options.load(), options.collectors)
print(" ".join(name for name in {looked_for!r} if name in sys.modules))
"""
DRIVERS = ("psycopg", "redis", "psutil", "yaml", "rich")
OF_COMMANDS = (
    *("rich", "jinja2", "fastapi", "jwt", "limits", "pgparse"),
    *("exporter.analysis", "exporter.http.api"),
)
"""What only commands need, and the API where it is on."""


@pytest.mark.parametrize(
    ("variables", "drivers"),
    [
        ({}, ""),
        ({"EXPORTER_REDIS__ADDRESS": "localhost:1"}, "redis"),
        ({"EXPORTER_PGBOUNCER__DSN": "host=localhost port=1"}, "psycopg"),
    ],
    ids=["host alone", "redis", "pgbouncer"],
)
def test_drivers_of_what_is_not_watched_stay_out(variables: dict[str, str], drivers: str) -> None:
    assert imported(variables, DRIVERS) == drivers


def test_a_daemon_that_watches_queries_analyses_nothing_by_itself() -> None:
    collectors = ("SLOW_QUERIES", "STATEMENTS_BY_TABLE", "QUERY_PLANS", "STATEMENT_ANOMALIES")
    switches = {f"EXPORTER_COLLECTOR__{name}": "true" for name in collectors}

    assert imported({"EXPORTER_POSTGRES__DSN": "host=localhost port=1", **switches}, OF_COMMANDS) == ""


def imported(variables: dict[str, str], looked_for: tuple[str, ...]) -> str:
    """Which of these modules the daemon has imported before its first scrape."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(variables=variables, looked_for=looked_for)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
