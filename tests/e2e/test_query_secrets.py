"""Secrets in statements and in expressions of the catalogs are shown by no page, no file and no command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest

from exporter.cli import main
from tests.servers import Exporter, Postgres, require
from tests.unit.http.api.asking import SECRET, bearing, token
from tests.unit.sql.secrets import SETUP, secret_statements

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("query_secrets")]

COUNTS = {15: 1_100, 18: 300}
"""Statements for each version; every kind of them is there twice at least."""
NOT_RUN = ("program", "subscription", "server far", "to stdout", "create table if not exists")
"""What would leave the machine, takes another protocol, or makes a table whose name is to be shown."""
SHOWS = re.compile(r"hunter|4111000000", re.IGNORECASE)
"""The beginning of every secret: a part of one is one too."""
PASSWORD = "hunter-of-the-role"
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "10000",
    "autovacuum": "off",
}
OBJECTS = (
    "insert into vault select i, 'note ' || i from generate_series(1, 30000) i",
    "create view seen as select id, note from vault where note <> 'hunter1zq' and data is null",
    "create function salted(text) returns text immutable language sql as $$ select $1 || 'hunter2zq' $$",
    "create index partial on vault (id, note) where note <> 'hunter3zq'",
    "create index partial_again on vault (id, note) where note <> 'hunter3zq'",
    "create index hashed on vault (md5(note || 'hunter4zq'))",
    "create index hashed_again on vault (md5(note || 'hunter4zq'))",
    "alter table vault add constraint kept check (note <> 'hunter5zq')",
    "alter table vault enable row level security",
    "create policy wary on vault using (note <> 'hunter6zq')",
    "analyze vault",
    f"create role watcher login password '{PASSWORD}' in role pg_monitor",
    "grant select, insert, update, delete on vault, seen to watcher",
    "create role app login password 'secret'",
    "grant select, insert, update, delete on vault, seen to app",
    "create table orders (id int primary key, vault_id bigint references vault, note text)",
    "insert into orders select i, i, 'x' from generate_series(1, 20000) i",
    "grant select on orders to app, watcher",
)
WORKLOAD = (
    "select id from seen where note = 'hunter11zq'",
    "select id from vault where salted(note) = 'hunter12zq'",
    "select id from vault where note || 'hunter13zq' = 'hunter14zq'",
    "select id from vault where note like '%hunter15zq%'",
    "select id from vault where data ->> 'hunter16zq' = 'x'",
    "select note from vault where id::text = 'hunter17zq' or note = 'hunter18zq'",
    "select id from orders where note = 'hunter19zq' order by note limit 3",
    "update vault set note = 'hunter20zq' where note = 'hunter21zq'",
)
"""Run often enough for advice; `watcher` may plan them."""


@dataclass
class Watched:
    """A server full of secrets, and the daemon that watches it."""

    server: Postgres
    exporter: Exporter
    home: Path

    @property
    def shown(self) -> dict[str, str]:
        """What the daemon shows to anybody, and what it has written."""
        pages = {path: self.exporter.get(path).text for path in ("/metrics", "/", "/-/ready")}
        pages |= {f"api {path}": text for path, text in self.api().items()}
        return pages | {"log": self.exporter.log} | self.files()

    def files(self) -> dict[str, str]:
        """All files below the folder but the password of the API."""
        files = (path for path in self.home.rglob("*") if path.is_file() and path.name != "secret")
        return {str(path): path.read_text() for path in files}

    def api(self) -> dict[str, str]:
        """What each route gives that can be asked for."""
        described = json.loads(self._asked("/api/v1/openapi.json"))
        paths = [path for path, methods in described["paths"].items() if "get" in methods and "{" not in path]
        assert len(paths) > 15, paths
        found = {path: self._asked(path) for path in paths}
        known = "/api/v1/postgres/plans"
        ids = {plan["id"] for plan in json.loads(found[known])["items"]}
        return found | {key: self._asked(f"{known}/{key}") for key in sorted(ids)[:20]}

    def _asked(self, path: str) -> str:
        answer = self.exporter.get(path, headers=bearing(token("admin")), timeout=60)
        assert answer.status == (404 if "redis" in path or "system" in path else 200), (path, answer.text)
        return answer.text

    def until(self, path: str, wanted: str) -> None:
        """Waits until a file or a page has something, so that there is something to be looked through."""
        end = monotonic() + 15
        while wanted not in self._now(path):
            assert monotonic() < end, f"no {wanted} in {path}"
            sleep(0.2)

    def _now(self, path: str) -> str:
        if path.startswith("/"):
            return self.exporter.get(path).text
        return self.files().get(str(self.home / path), "")


def run(server: Postgres, count: int) -> int:
    """The statements, as far as they run; how many secrets the server keeps in their texts."""
    with server.connect() as session:
        for sql in ("create extension pg_stat_statements", *SETUP, *OBJECTS):
            session.execute(sql.encode())
        made = [(sql, key) for sql, key in secret_statements(count) if not any(n in sql for n in NOT_RUN)]
        for sql, _ in made:
            with suppress(psycopg.Error):
                session.execute(sql.encode())
                session.execute("rollback")
    with server.connect(user="app", password="secret") as session:
        for sql in WORKLOAD * 6:
            session.execute(sql.encode())
    texts = "\n".join(text for (text,) in server.execute("select query from pg_stat_statements"))
    assert len(made) > 0.9 * count
    return sum(key in texts for _, key in made)


@pytest.fixture(scope="module", params=COUNTS, ids=[f"pg{major}" for major in COUNTS])
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """With everything on that has to do with statements, and two sessions that go on for long."""
    home = tmp_path_factory.mktemp("secrets")
    (home / "secret").write_text(SECRET)
    with ExitStack() as stack:
        server = stack.enter_context(require(Postgres, request.param, settings=SETTINGS))
        count = COUNTS[request.param]
        assert run(server, count) > count / 4, "many secrets are kept as they are"
        stack.enter_context(at_work(server))
        exporter = stack.enter_context(
            Exporter(
                postgres__dsn=server.dsn(user="watcher", password=PASSWORD),
                postgres__slow_query_seconds=0.000001,
                postgres__slow_running_seconds=0.05,
                postgres__plans_per_minute=600,
                collector__statements_by_table=True,
                collector__slow_queries=True,
                collector__slow_statements=True,
                collector__query_plans=True,
                collector__statement_anomalies=True,
                slow_queries__directory=str(home),
                analysis__directory=str(home / "analysis"),
                api__enabled=True,
                api__jwt_secret_file=str(home / "secret"),
                api__audit_file=str(home / "audit.log"),
                log__level="debug",
                host__enabled=False,
            )
        )
        yield Watched(server, exporter, home)


@contextmanager
def at_work(server: Postgres) -> Iterator[None]:
    """A session in the middle of a statement with a secret, and one that waits in a transaction."""
    asleep = b"select pg_sleep(60), 'hunter33zq' as \"password hunter34zq\" -- hunter35zq"
    with (
        server.connect(user="app", password="secret") as running,
        server.connect(user="app", password="secret") as waiting,
    ):
        waiting.execute("begin; select 'hunter31zq' /* hunter32zq */")
        thread = Thread(target=_run, args=(running, asleep), daemon=True)
        thread.start()
        try:
            yield
        finally:
            running.cancel()
            thread.join(5)


def _run(session: psycopg.Connection[Any], sql: bytes) -> None:
    with suppress(psycopg.Error):
        session.execute(sql)


def leaks(shown: dict[str, str]) -> list[tuple[str, str]]:
    """Where a secret is, with what is around it."""
    found = ((place, text, SHOWS.search(text)) for place, text in shown.items())
    return [(place, text[max(0, m.start() - 150) : m.end() + 50]) for place, text, m in found if m]


def test_the_daemon_shows_none(watched: Watched) -> None:
    watched.exporter.scrape()
    for sql in WORKLOAD:
        watched.server.execute(sql)
    watched.until("slow_queries.log", "pg_sleep")
    watched.until("/metrics", 'pg_query_plans_total{result="ok"}')

    shown = watched.shown

    assert "vault" in shown["/metrics"]
    assert leaks(shown) == []


@pytest.fixture
def commands(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "POSTGRES__DSN": watched.server.dsn(user="watcher", password=PASSWORD),
        "ANALYSIS__DIRECTORY": str(watched.home / "analysis"),
    }.items():
        monkeypatch.setenv(f"EXPORTER_{name}", value)


def said(capsys: pytest.CaptureFixture[str], arguments: Sequence[str], code: int = 0) -> str:
    """What a command writes."""
    capsys.readouterr()
    assert main(arguments) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


ALL_FORMATS = (
    ("analyze", "--detailed"),
    ("analyze", "--format", "html"),
    ("suggest-indexes",),
    ("suggest-indexes", "--format", "sql"),
    ("suggest-indexes", "--format", "json"),
    ("baseline", "create", "--lifetime", "--name", "one"),
    ("baseline", "show", "one"),
    ("baseline", "show", "one", "--format", "json"),
)


@pytest.mark.usefixtures("commands")
def test_commands_show_none(watched: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    report: dict[str, Any] = json.loads(said(capsys, ("analyze", "--detailed", "--format", "json")))
    shown = {"analyze json": json.dumps(report, ensure_ascii=False)}
    for arguments in ALL_FORMATS if watched.server.major == 15 else ():
        shown[" ".join(arguments)] = said(capsys, arguments)
    planned = [plan["id"] for plan in report["plans"] if plan["plan"]]
    for key in planned[:2]:
        shown[f"plan {key}"] = said(capsys, ("plan", key))
        shown[f"plan {key} json"] = said(capsys, ("plan", key, "--format", "json"))

    assert len(planned) > 5
    assert {"missing_index", "duplicate_index"} <= {finding["kind"] for finding in report["findings"]}
    assert "vault" in shown["plan " + planned[0]]
    assert leaks(shown | watched.files()) == []
