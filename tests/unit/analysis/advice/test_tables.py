"""Advice about tables: where it begins, and where it is silent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.analysis.advice import database_advice
from exporter.analysis.advice.thresholds import thresholds
from exporter.analysis.finding import Finding, Kind, Severity
from exporter.facts.read_bloat import Bloat
from exporter.facts.relations import Relation, Relations
from exporter.facts.server import DatabaseStatistics, ServerFacts, Setting

DAY = 86_400.0
MB = 1 << 20
NOW = 1_700_000_000.0
SERVER = ServerFacts(major=16, taken_at=NOW, uptime_seconds=100 * DAY, settings={})
HEALTHY = Relation(
    oid=1,
    schema="public",
    name="orders",
    pages=12_800,
    rows=1_000_000.0,
    bytes=100 * MB,
    n_live_tup=1_000_000,
    last_analyze=NOW - DAY,
    last_vacuum=NOW - DAY,
    idx_scan=10_000_000,
)


def advice(table: Relation, server: ServerFacts = SERVER, *estimates: Bloat, **more: Any) -> list[Finding]:
    given: dict[str, Any] = {
        "datname": "shop",
        "taken_at": NOW,
        "statistics_seconds": 10 * DAY,
        "indexes": {},
    }
    relations = Relations(tables={table.oid: table}, **(given | more))
    return list(database_advice(relations, server, estimates))


def test_a_healthy_table_is_not_mentioned() -> None:
    assert advice(HEALTHY) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"n_dead_tup": 450_000}, ("dead_rows", Severity.WARNING)),
        ({"n_dead_tup": 300_000}, ("dead_rows", Severity.INFO)),
        ({"n_dead_tup": 150_000}, None),
        ({"rows": 5000.0, "n_live_tup": 5000, "n_dead_tup": 9000}, None),
        ({"options": {"autovacuum_enabled": "false"}}, ("autovacuum_off", Severity.INFO)),
        ({"n_ins_since_vacuum": 1_500_000}, ("inserted_rows", Severity.INFO)),
        ({"n_ins_since_vacuum": 300_000}, None),
        ({"n_mod_since_analyze": 1_200_000}, ("old_statistics", Severity.WARNING)),
        ({"n_mod_since_analyze": 900_000}, ("old_statistics", Severity.INFO)),
        ({"n_mod_since_analyze": 900_000, "last_analyze": NOW - 20}, None),
        ({"rows": None, "last_analyze": None}, ("never_analyzed", Severity.WARNING)),
        ({"rows": None, "last_analyze": None, "n_live_tup": 500}, None),
        ({"xid_age": 1_200_000_000}, ("table", Severity.WARNING)),
        ({"mxid_age": 1_900_000_000}, ("table", Severity.CRITICAL)),
        ({"xid_age": 300_000_000}, None),
        (
            {"n_tup_upd": 900_000, "n_tup_hot_upd": 1000, "n_tup_newpage_upd": 800_000},
            ("fillfactor", Severity.INFO),
        ),
        ({"n_tup_upd": 900_000, "n_tup_hot_upd": 1000, "n_tup_newpage_upd": 1000}, None),
        ({"n_tup_upd": 900_000, "n_tup_hot_upd": 1000}, ("fillfactor", Severity.INFO)),
        ({"n_tup_upd": 900_000, "n_tup_hot_upd": 890_000}, None),
    ],
    ids=str,
)
def test_where_it_begins(changed: dict[str, Any], expected: tuple[str, Severity] | None) -> None:
    found = [(finding.rule, finding.severity) for finding in advice(replace(HEALTHY, **changed))]

    assert found == ([] if expected is None else [expected])


def test_a_reset_of_the_statistics_makes_no_table_all_dead() -> None:
    (finding,) = advice(replace(HEALTHY, n_live_tup=0, n_dead_tup=450_000))

    assert finding.title == "Table orders has 450,000 dead rows, 31 % of it"


def test_a_load_of_a_moment_ago_is_no_warning() -> None:
    new = replace(HEALTHY, rows=None, last_analyze=None, n_dead_tup=900_000)

    assert {f.severity for f in advice(new, statistics_seconds=600.0)} == {Severity.INFO}
    assert Severity.WARNING in {f.severity for f in advice(new, statistics_seconds=7200.0)}


def test_a_standby_knows_nothing_of_vacuum() -> None:
    untold = replace(HEALTHY, n_live_tup=0, last_analyze=None, last_vacuum=None, n_dead_tup=900_000)

    assert advice(untold, is_standby=True) == []


def test_thresholds_are_those_of_the_table_before_those_of_the_server() -> None:
    options = {"autovacuum_vacuum_scale_factor": "0.01", "autovacuum_vacuum_threshold": "500"}
    most = {"autovacuum_vacuum_max_threshold": Setting("autovacuum_vacuum_max_threshold", "2000")}
    off = {"autovacuum_vacuum_insert_threshold": Setting("autovacuum_vacuum_insert_threshold", "-1")}

    assert thresholds(HEALTHY, SERVER).dead == 50 + 0.2 * 1_000_000
    assert thresholds(replace(HEALTHY, options=options), SERVER).dead == 500 + 0.01 * 1_000_000
    assert thresholds(HEALTHY, replace(SERVER, settings=most)).dead == 2000
    assert thresholds(HEALTHY, replace(SERVER, settings=off)).inserted is None


def test_a_partitioned_table_is_analyzed_by_nobody_else() -> None:
    top = replace(HEALTHY, oid=9, kind="p", name="events", rows=None, last_analyze=None, n_live_tup=0)
    part = replace(HEALTHY, parent=9)
    found = {"tables": {9: top, 1: part}, "datname": "d", "taken_at": NOW, "indexes": {}}

    (finding,) = database_advice(Relations(**found), SERVER)  # type: ignore[arg-type]

    assert (finding.rule, finding.sql) == ("partitioned", ["ANALYZE public.events;"])
    assert list(database_advice(Relations(**found), replace(SERVER, major=13))) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("share", "size", "severity"),
    [
        (0.6, 2000, Severity.WARNING),
        (0.35, 2000, Severity.INFO),
        (0.6, 100, Severity.INFO),
        (0.25, 2000, None),
        (0.9, 50, None),
    ],
)
def test_bloat_must_be_a_third_and_50_mb(share: float, size: int, severity: Severity | None) -> None:
    whole = Bloat("public", "orders", "", size * MB, int(share * size * MB))
    index = replace(whole, index="orders_pkey")

    found = advice(HEALTHY, SERVER, whole, index)

    assert [f.severity for f in found] == ([] if severity is None else [severity] * 2)
    assert [f.kind for f in found] == ([] if severity is None else [Kind.TABLE_BLOAT, Kind.INDEX_BLOAT])
    assert not any(line.startswith("VACUUM (FULL") for f in found for line in f.sql), "it locks the table"
    if found:
        assert found[1].sql[-1] == "REINDEX INDEX CONCURRENTLY public.orders_pkey;"


@pytest.mark.parametrize(
    ("hit", "read", "expected"),
    [(99, 1, []), (90, 10, [Severity.INFO]), (70, 30, [Severity.WARNING])],
)
def test_cache_misses_need_traffic(hit: int, read: int, expected: list[Severity]) -> None:
    busy = DatabaseStatistics(datname="shop", blks_hit=hit * 10**7, blks_read=read * 10**7, seconds=10 * DAY)
    quiet = replace(busy, blks_hit=hit * 10, blks_read=read * 10)
    other = replace(busy, datname="other")

    assert [f.severity for f in advice(HEALTHY, replace(SERVER, databases=[other, busy]))] == expected
    assert advice(HEALTHY, replace(SERVER, databases=[quiet])) == []
