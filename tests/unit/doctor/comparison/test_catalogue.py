"""Why a metric is not on our page."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from exporter.collectors import discover
from exporter.doctor.comparison.catalogue import Catalogue, release_of
from exporter.doctor.comparison.known import OWN, RENAMED
from exporter.doctor.comparison.page import read
from exporter.model.errors import Reason
from exporter.model.snapshot import Outcome, State
from tests.docs.upstream import lines

COLLECTORS = discover()
TIMED = "pg_stat_bgwriter_checkpoints_timed"


def outcome(name: str, state: State, reason: Reason | None = None, text: str = "") -> Outcome:
    return Outcome(name, "postgres", state, 0.1, reason, text)


def why(metric: str, *outcomes: Outcome, page: Sequence[str] = (), off: str = "", release: str = "") -> str:
    on = COLLECTORS.keys() - {off}
    return Catalogue(COLLECTORS, on, outcomes, page, release).why_missing(metric).reason


def test_a_collector_that_is_off_is_named_with_its_switch() -> None:
    assert "--collector.stat-archiver switches it on" in why(
        "pg_stat_archiver_failed_count", off="stat_archiver"
    )


def test_a_target_that_is_not_configured() -> None:
    assert "postgres.dsn is not set" in why("pg_locks_count")
    assert "redis.address is not set" in why("redis_connected_clients")


def test_a_collector_that_did_not_do_well_says_why() -> None:
    denied = outcome("wal", State.FAILED, Reason.PERMISSION, "permission denied for function pg_ls_waldir")

    assert why("pg_wal_segments", denied) == (
        "collector wal has it, and is failing: permission denied for function pg_ls_waldir"
    )
    assert "is late: deadline" in why("pg_wal_segments", outcome("wal", State.LATE, Reason.DEADLINE))


def test_a_collector_that_had_no_value() -> None:
    assert "explain locks" in why("pg_locks_count", outcome("locks", State.OK))


def test_a_name_with_a_part_that_only_the_target_knows() -> None:
    assert "collector settings " in why("pg_settings_some_extension_knob_bytes")


def test_an_old_name_with_the_setting_that_shows_it() -> None:
    there = [f"{TIMED}_total"]

    assert "--compat.legacy-names=0.10 " in why(TIMED, page=there)
    assert "--compat.legacy-names=0.9 " in why(TIMED, page=there, release="0.9")
    assert "--compat.legacy-names=0.10 " in why(TIMED, page=there, release="0.11")
    assert "--compat.legacy-names=queries.yaml " in why(
        "pg_replication_lag", page=["pg_replication_lag_seconds"], release="0.11"
    )


def test_an_old_name_whose_todays_name_is_missing_as_well() -> None:
    catalogue = Catalogue(COLLECTORS, COLLECTORS.keys(), (), ())

    assert catalogue.why_missing(TIMED) == (
        "collector stat_bgwriter has it, and no target: postgres.dsn is not set",
        f"{TIMED}_total",
    )


def test_nobody_has_it() -> None:
    assert why("node_nothing") == "no collector of this build has it"
    assert "file of queries" in why("pg_my_business_orders")


def test_todays_names_are_in_the_catalogue() -> None:
    names = {metric.name for named in COLLECTORS.values() for metric in named.spec.metrics}

    assert set(RENAMED.values()) <= names
    assert names.isdisjoint(RENAMED)


def test_no_metric_of_a_target_is_taken_for_one_about_an_exporter() -> None:
    about = ("exporter", "scrape", "go_", "process_", "promhttp_", "pgbouncer_collector_success")
    names = [line["metric"] for line in lines("upstream_names.tsv")]
    names += [metric.name for named in COLLECTORS.values() for metric in named.spec.metrics]

    taken = [name for name in names if OWN.fullmatch(name)]
    assert [name for name in taken if not any(word in name for word in about)] == []


@pytest.mark.parametrize(
    ("line", "release"),
    [
        ('postgres_exporter_build_info{version="0.11.1",branch="x"} 1', "0.11"),
        ("postgres_exporter_build_info 1", ""),
        ("pg_up 1", ""),
    ],
)
def test_the_release_of_their_page(line: str, release: str) -> None:
    assert release_of(read(line)) == release
