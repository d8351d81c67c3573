"""What the documentation tells to type, typed on real servers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from exporter.collectors import discover
from exporter.model.deadline import Deadline
from exporter.model.snapshot import Outcome, State
from exporter.settings import load_settings
from exporter.stack import Stack
from tests.docs.generated import DOCS, ROOT
from tests.docs.prose import Block, all_blocks, blocks
from tests.servers import VERSIONS, Missing, Postgres, Redis, catalogue, require
from tests.servers.missing import absent

pytestmark = pytest.mark.live

README = ROOT / "README.md"
ADDING = DOCS / "adding-a-metric.md"
COMMAND = ".venv/bin/datastack-exporter "

WHOLE = ("scrape_configs", "groups")
PART = "metric_relabel_configs"
PROMETHEUS = [
    block for block in all_blocks("yaml", "yml") if yaml.safe_load(block.text).keys() & {*WHOLE, PART}
]
"""Configurations and rules of Prometheus, and parts of a job."""


def promtool() -> str:
    """The program.

    Raises:
        Missing: it is not on this machine.
    """
    found = shutil.which("promtool", path=catalogue.search_path())
    if found is None:
        raise Missing(f"promtool is not on this machine: run `{catalogue.apt(['prometheus'])}`")
    return found


@pytest.mark.parametrize("block", PROMETHEUS, ids=lambda block: block.page.name)
def test_prometheus_takes_the_configuration(block: Block, tmp_path: Path) -> None:
    program = require(promtool)
    content = yaml.safe_load(block.text)
    if PART in content:
        content = {"scrape_configs": [{"job_name": "part", **content}]}
    file = tmp_path / "prometheus.yml"
    text = yaml.safe_dump(content)
    file.write_text(text)
    for name in re.findall(r"_file: ([\w.-]+)$", text, re.MULTILINE):  # promtool wants to see them
        (tmp_path / name).touch()
    kind = "rules" if "groups" in content else "config"
    done = subprocess.run([program, "check", kind, file], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


async def outcomes(**variables: str) -> list[Outcome]:
    """What becomes of each collector beside the target of these variables."""
    collectors = discover()
    switches = {name: (named.spec.default, named.spec.help) for name, named in collectors.items()}
    environ = {f"EXPORTER_{name.upper()}": value for name, value in variables.items()}
    stack = Stack(load_settings(["--no-host.enabled"], environ, switches), collectors)
    try:
        await stack.engine.warm(Deadline.after(20))
        return list((await stack.engine.scrape(Deadline.after(20))).outcomes)
    finally:
        await stack.close()


def failed(found: list[Outcome]) -> Mapping[str, str]:
    """Collector -> why, for those that did not give all they should."""
    assert found
    return {o.collector: o.text for o in found if o.state not in (State.OK, State.SKIPPED)}


@pytest.fixture
def role(pg: Postgres) -> Iterator[str]:
    """The DSN of the role that the README makes."""
    (sql,) = blocks(README, "sql")
    pg.execute(sql.text)
    pg.execute("ALTER ROLE exporter PASSWORD 'secret'")
    yield pg.dsn(user="exporter", password="secret")
    pg.execute("DROP ROLE exporter")


async def test_the_role_of_the_readme_is_enough(role: str) -> None:
    assert failed(await outcomes(postgres__dsn=role)) == {}


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_redis_user_of_the_readme_is_enough(redis_of: Callable[[str], Redis], version: str) -> None:
    server = redis_of(version)
    (acl,) = blocks(README, "redis")
    server.execute(*acl.text.replace("PASSWORD", "secret").split())
    address = server.url.rpartition("@")[2].removeprefix("redis://")
    try:
        found = await outcomes(redis__address=address, redis__username="exporter", redis__password="secret")
    finally:
        server.execute("ACL", "DELUSER", "exporter")

    assert failed(found) == {}
    assert "permission" not in {outcome.reason for outcome in found}


MODULE = "ft."
"""Commands of a module: no server of the tests has one."""


@pytest.mark.parametrize("version", VERSIONS)
def test_further_rights_of_a_redis_user_are_taken(redis_of: Callable[[str], Redis], version: str) -> None:
    server = redis_of(version)
    lines = [
        line for block in all_blocks("redis") if block.page != README for line in block.text.splitlines()
    ]
    try:
        for line in lines:
            if MODULE not in line:
                server.execute(*line.split())
    finally:
        server.execute("ACL", "DELUSER", "exporter")

    assert lines


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the project in which the steps of adding-a-metric.md were taken."""
    if not shutil.which("git"):
        absent("git is not on this machine, and applies the page's patch: install git")
    captured = shutil.ignore_patterns("__pycache__", "recorded", "golden")
    for folder in ("exporter", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=captured)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (patch,) = blocks(ADDING, "diff")
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.text, text=True, check=True)
    (view,) = blocks(ADDING, "python")
    (tmp_path / "exporter" / "collectors" / "postgres" / "stat_ssl.py").write_text(view.text)
    return tmp_path


def run_in(folder: Path, *arguments: str, code: int = 0, **environ: str) -> str:
    """What a Python module of the copy writes; it has to end with `code`."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_the_metrics_of_the_page_are_served(copied: Path, postgres: Postgres) -> None:
    commands = [line for block in blocks(ADDING, "sh") for line in block.text.splitlines()]
    ours = [line.removeprefix(COMMAND).split() for line in commands if line.startswith(COMMAND)]
    text = "".join(
        run_in(copied, "exporter", *words, EXPORTER_POSTGRES__DSN=postgres.dsn()) for words in ours
    )

    assert 'pg_roles_superuser{rolname="postgres"} 1\n' in text
    assert "# TYPE pg_roles_connection_limit gauge\n" in text
    assert 'pg_stat_ssl_sessions{version="none"}' in text
    assert "FROM pg_stat_ssl GROUP BY version" in text


VIEWS = "tests/unit/collectors/postgres/test_views.py"
HELP = {
    "roles": "1 if the role is a superuser, else 0",
    "stat_ssl": "Sessions with this version of TLS",
}
"""Of the metrics that the page adds, by the file that they are in; without the full stop."""


def test_the_tests_that_are_there_cover_them(copied: Path) -> None:
    run_in(copied, "pytest", "-q", "-p", "no:cacheprovider", VIEWS)

    for name, text in HELP.items():
        file = copied / "exporter" / "collectors" / "postgres" / f"{name}.py"
        file.write_text(file.read_text().replace(f"{text}.", text))
    options = ["-q", "-p", "no:cacheprovider", "-k", "help_is_one_sentence"]
    said = run_in(copied, "pytest", *options, VIEWS, code=1)

    assert [text for text in HELP.values() if f"{text}\n" not in said] == []
