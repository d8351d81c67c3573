"""What the pages tell to type, typed: every block of shell and SQL. tests/docs/shell.py names what is not."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import psycopg
import pytest

from exporter.cli import main
from exporter.collectors import discover
from exporter.settings import load_settings
from tests.deploy.docs.places import Places
from tests.docs.prose import all_blocks, blocks, name_of, pages
from tests.docs.shell import ASSIGNMENT, OURS, programs, reason, steps
from tests.live.doctoring import FOREIGN
from tests.logs import logging_as_before
from tests.servers import Postgres, catalogue

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("docs commands")]

JUDGED = ("curl", "jq", "psql", "redis-cli", "promtool", "amtool")
HUNG_UP = {23, 141}
"""A reader that has enough hangs up: `| head`."""

FOUND = {0, 1}
CODES: Mapping[str, set[int]] = {"check": FOUND, "diff": FOUND, "verify": FOUND, "baseline": {*FOUND, 2}}
"""Commands that say by their exit code what they have found; 2 where a second was too short to compare.
Any other has to end with 0."""

EXTRA = {"curl": "--fail-with-body --max-time 20", "redis-cli": "-h 127.0.0.1 -p {redis}"}
"""In front of what the page says: an answer that is an error counts, and Redis is not on its usual port."""

REMARK = re.compile(r" --config\.file=/path/exporter\.yml|\s+# .*$")
"""Without it two steps of runbooks are the same: the file is the one that is read anyway."""

FUNCTION = '{name}() {{ command {name} {extra} "$@"; code=$?; echo {name} $code >> calls; return $code; }}\n'


def to_type(page: Path) -> list[str]:
    """The steps of a page that are run."""
    return [step for block in blocks(page, "sh") for step in steps(block.text) if not reason(step)]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with Places(tmp_path_factory.mktemp("pages") / "project") as found:
        yield found


@dataclass
class Reader:
    """Types what one page says.

    Attributes:
        exports: the variables that the page has set so far.
    """

    places: Places
    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    exports: dict[str, str] = field(default_factory=dict)

    def type(self, step: str) -> None:
        """Runs one step; an AssertionError where a program that matters says that it failed."""
        here = self.places.text(step)
        first = next(iter(programs(here)), "export")
        if first == "export":
            self.exports |= dict(word.split("=", 1) for word in shlex.split(here) if word != first)
        elif first in OURS:
            own, bar, rest = here.partition("|")
            words = shlex.split(own, comments=True)
            given = dict(word.split("=", 1) for word in takewhile(ASSIGNMENT.match, words))
            out = self.ours(words[len(given) + 1 :], given)
            if bar:
                self.shell(rest, out)
        else:
            self.shell(here)

    def ours(self, argv: list[str], given: Mapping[str, str]) -> str:
        """A command of ours in this process, with variables given in front of it; what it writes."""
        environ = {**(self.exports or {"EXPORTER_CONFIG__FILE": "exporter.yml"}), **given}
        if argv[0] == "serve":
            with self.patch.context() as patch:
                patch.chdir(self.places.folder)
                switches = {name: (named.spec.default, named.spec.help) for name, named in discover().items()}
                load_settings(argv[1:], environ, switches)
            return ""
        if argv[0] == "healthcheck":
            environ["EXPORTER_WEB__LISTEN_ADDRESS"] = f"127.0.0.1:{self.places.port(9188)}"
        with self.patch.context() as patch, logging_as_before():
            for name in [name for name in os.environ if name.startswith(FOREIGN)]:
                patch.delenv(name)
            for name, value in {**environ, **self.around()}.items():
                patch.setenv(name, value)
            patch.chdir(self.places.folder)
            code = main(argv)
        out, err = self.capsys.readouterr()
        assert code in CODES.get(argv[0], {0}), f"{argv}: {code}\n{out[-1000:]}{err[-1000:]}"
        return out

    def shell(self, text: str, given: str = "") -> None:
        """Steps of bash: every call of a program that is judged has to end well."""
        folder, calls = self.places.folder, self.places.folder / "calls"
        calls.unlink(missing_ok=True)
        database = {"PGHOST": "127.0.0.1", "PGPORT": str(self.places.postgres.port), "PGUSER": "postgres"}
        done = subprocess.run(
            ["bash", "-c", self.functions() + text],
            cwd=folder,
            env={**os.environ, "PATH": catalogue.search_path(), **database, **self.around()},
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
        said = f"{text}\n{done.stdout[-500:]}\n{done.stderr[-1000:]}"
        assert "command not found" not in done.stderr, said
        assert "syntax error" not in done.stderr, said
        called = [line.split() for line in calls.read_text().splitlines()] if calls.exists() else []
        assert [name for name, code in called if int(code) not in {0, *HUNG_UP}] == [], said
        assert called or not set(JUDGED) & set(programs(text)), said

    def functions(self) -> str:
        redis = self.places.redis.port
        extra = {name: EXTRA.get(name, "").format(redis=redis) for name in JUDGED}
        return "".join(FUNCTION.format(name=name, extra=extra[name]) for name in JUDGED)

    def around(self) -> dict[str, str]:
        folder = self.places.folder
        return {"PGPASSFILE": str(folder / "pgpass"), "XDG_STATE_HOME": str(folder / "state")}


@pytest.mark.parametrize("page", [page for page in pages() if to_type(page)], ids=name_of)
def test_what_a_page_says_works(
    page: Path, places: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runbook = page.parent.name == "runbooks"
    if not (runbook and places.untouched):
        places.fresh()
    places.untouched = runbook
    reader = Reader(places, monkeypatch, capsys)
    for step in to_type(page):
        command = REMARK.sub("", step)
        if not (runbook and command in places.typed):
            reader.type(step)
        if runbook:
            places.typed.add(command)


@pytest.fixture(scope="module")
def server(places: Places) -> Postgres:
    """Has what the pages take for granted, and an empty database `page`."""
    places.postgres.execute("CREATE DATABASE page")
    return places.postgres


GRANTED = {
    "CREATE EXTENSION pg_stat_statements": ("CREATE EXTENSION pg_stat_statements", ""),
    "CREATE ROLE exporter": ("", "ALTER ROLE exporter RENAME TO exporter_of_others"),
}
"""What a block may do itself -> what is done before it if it does not, and if it does."""


def test_sql_of_pages_is_taken(server: Postgres) -> None:
    """In transactions that are rolled back: a database for each block costs more than all of the blocks."""
    refused = {}
    for block in all_blocks("sql"):
        before = [does if words in block.text else lacks for words, (lacks, does) in GRANTED.items()]
        try:
            with server.connect(dbname="page") as connection, connection.transaction(force_rollback=True):
                for sql in (*filter(None, before), block.text):
                    connection.execute(sql.encode())
        except psycopg.Error as error:
            refused[name_of(block.page)] = f"{error}\n{block.text}"

    assert refused == {}


ACCESS = re.compile(r"(local|host(no)?(ssl|gssenc)?)( +\S+){2,3} +(scram-sha-256|cert|peer|reject)")
"""A line of pg_hba.conf."""


def test_lines_of_configuration_are_postgresqls(server: Postgres) -> None:
    known = {name for (name,) in server.execute("SELECT name FROM pg_settings")}
    lines = [line for block in all_blocks("conf") for line in block.text.splitlines() if line]
    ours = [line for line in lines if not line.startswith("#")]

    assert ours
    assert [line for line in ours if not ACCESS.fullmatch(line) and line.split(" ")[0] not in known] == []
