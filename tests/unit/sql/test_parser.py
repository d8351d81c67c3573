from __future__ import annotations

import sys

import pytest

from exporter.sql.parser import parser_fingerprint


def test_the_fingerprint_is_libpg_querys() -> None:
    pgparse = pytest.importorskip("pgparse")

    assert parser_fingerprint("SELECT a FROM t WHERE b = 1") == pgparse.fingerprint(
        "select a from t where b=$1"
    )


@pytest.mark.parametrize("sql", ["", "select 'cut", "nonsense", "\x00", "\ud800", "select " + "(" * 20_000])
def test_what_is_no_sql_has_none(sql: str) -> None:
    pytest.importorskip("pgparse")

    assert parser_fingerprint(sql) in (None, "d8d13f8b2da6c9ad")
    assert (parser_fingerprint(sql) is None) == bool(sql.strip("\x00"))


def test_without_the_extra_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pgparse", None)

    assert parser_fingerprint("select 1") is None
