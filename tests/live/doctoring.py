"""Runs commands of the command line in this process, and does what their remedies say."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from exporter.cli import main
from tests.logs import logging_as_before
from tests.servers import Postgres

FOREIGN = ("EXPORTER_", "PG", "REDIS_", "DATA_SOURCE_", "PGBOUNCER_")
"""How variables begin that are settings."""

SECRET = "S3cret/of:the@test"
"""A password that has to be escaped in a URI."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def findings(self) -> list[dict[str, str]]:
        """Of `check --json`."""
        document: dict[str, Any] = json.loads(self.out)
        assert document["ok"] is (self.code == 0)
        found: list[dict[str, str]] = document["findings"]
        return found

    def of(self, target: str, *severities: str) -> list[dict[str, str]]:
        """The findings about a target, by the beginning of its name."""
        chosen = severities or ("ok", "advice", "error")
        return [f for f in self.findings if f["target"].startswith(target) and f["severity"] in chosen]


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: Sequence[str], **settings: str
) -> Ran:
    """Runs one command with these settings as variables; `SECRET` must be nowhere in what it writes."""
    with monkeypatch.context() as patch, logging_as_before():
        for name in [name for name in os.environ if name.startswith(FOREIGN)]:
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(f"EXPORTER_{name.upper()}", value)
        code = main(argv)
    out, err = capsys.readouterr()
    assert SECRET[:6] not in out + err  # which is the same in a URI
    return Ran(code, out, err)


PLACE = re.compile(r'-- in database "(.*)":')


def psql(server: Postgres, script: str) -> None:
    """Runs a remedy as its reader would paste it: each line a statement of its own, by the superuser.

    Where a remark names a database, the lines after it run there.
    """
    dbname = "postgres"
    for line in script.splitlines():
        if place := PLACE.fullmatch(line):
            dbname = place[1].replace('""', '"')
        elif not line.startswith(("--", "#")):
            with psycopg.connect(server.dsn(dbname=dbname), autocommit=True) as connection:
                connection.execute(line.encode())
