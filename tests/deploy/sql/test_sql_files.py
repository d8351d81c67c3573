"""The scripts of deploy/sql as files: what they and the pages say of them agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exporter.collectors import discover
from exporter.model.collector import Named
from exporter.model.view import SUPPORTED_MAJORS
from tests.docs.generated import DOCS, SQL
from tests.docs.prose import links
from tests.each import each

SCRIPTS = sorted(SQL.rglob("*.sql"))
FOR_ANY_CLIENT = {"explain_helper.sql"}
"""Plain SQL: people put it into their migrations."""

HIDDEN = re.compile(
    r"\bpg_stat_(activity|replication|ssl|gssapi|wal_receiver|progress_[a-z_]+|statements|get_activity)\b(?!')"
    r"|\bpg_(database|tablespace)_size\("
)
FUNCTION = re.compile(r"\b(pg_ls_\w+|pg_buffercache_\w+|pg_stat_file|pg_read_file)\s*\(")

POSTGRES = [named for named in discover().values() if named.spec.source == "postgres"]


@each(POSTGRES)
def test_what_a_collector_reads_is_declared(named: Named) -> None:
    """For a new collector: what shows less without a right stands in its `needs`."""
    for major in SUPPORTED_MAJORS:
        sql = named.spec.explain(major)
        if HIDDEN.search(sql):
            assert "pg_read_all_stats" in named.spec.needs, named.name
        for function in FUNCTION.findall(sql):
            assert f"{function}()" in named.spec.needs, named.name


@each(POSTGRES)
def test_a_right_is_the_narrowest(named: Named) -> None:
    assert "pg_monitor" not in named.spec.needs, named.name


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_stops_at_its_first_error_and_explains_its_variables(script: Path) -> None:
    text = script.read_text()
    head = text.partition("\n\n")[0]
    if script.name in FOR_ANY_CLIENT:
        assert not re.search(r"^\s*\\|:['\"{]", text, re.MULTILINE)
        return
    asked = set(re.findall(r"\\if :\{\?(\w+)\}", text))
    told = set(re.findall(r"^--   (\w+)  ", text.partition("\\set ON_ERROR_STOP on")[0], re.MULTILINE))

    assert "\\set ON_ERROR_STOP on" in text
    assert "psql" in head
    assert asked <= told
    assert told <= asked | set(re.findall(r":[\"']?(\w+)", text))


def test_the_page_has_them_all() -> None:
    linked = {(DOCS / path).resolve() for path, _ in links(DOCS / "sql.md") if path}
    recipes = sorted((SQL / "recipes").iterdir())

    assert {*SCRIPTS, *recipes} <= linked


def test_no_script_has_a_password() -> None:
    for script in SCRIPTS:
        given = re.findall(r"PASSWORD\s+(\S+)", script.read_text())
        assert set(given) <= {":'password';"}, script.name
