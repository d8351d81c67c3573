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
print(" ".join(name for name in ("psycopg", "redis", "psutil", "yaml", "rich") if name in sys.modules))
"""


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
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(variables=variables)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == drivers
