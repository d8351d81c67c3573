"""Names of earlier releases: filled from today's, with their labels, and nothing counted twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from exporter.collectors import discover
from exporter.model.metric import Metric, counter, gauge
from exporter.model.table import Column, Labels, Table, Value, single
from exporter.scrape.legacy import LegacyNames
from exporter.scrape.legacy_names import OLD_NAMES, QUERIES
from exporter.settings.checks import RELEASES

TIMED = counter("pg_stat_bgwriter_checkpoints_timed_total", "Timed.")
SESSION = ("datname", "state", "usename", "application_name", "backend_type", "wait_event_type", "wait_event")
COUNT = gauge("pg_stat_activity_count", "Sessions.", SESSION)
LONGEST = gauge("pg_stat_activity_max_tx_duration", "Oldest.", SESSION)
TABLE = ("datname", "schemaname", "relname")
TABLE_SIZE = gauge("pg_stat_user_tables_table_size_bytes", "Table.", TABLE)
INDEX_SIZE = gauge("pg_stat_user_tables_index_size_bytes", "Indexes.", TABLE)
STATEMENT = ("user", "datname", "queryid")
CALLS = counter("pg_stat_statements_calls_total", "Calls.", STATEMENT)
SECONDS = counter("pg_stat_statements_seconds_total", "Seconds.", STATEMENT)

DECLARED = {m.name: m for named in discover().values() for m in named.spec.metrics}

Shown = dict[str, dict[tuple[tuple[str, str], ...], Value]]


def shown(releases: Sequence[str], *tables: Table) -> Shown:
    """The samples by name and labels."""
    found: Shown = {}
    for table in LegacyNames(releases).applied(tables):
        for column in table.columns:
            samples = found.setdefault(column.metric.name, {})
            for row, value in zip(table.rows, column.values, strict=True):
                key = (*table.constant, *zip(table.labels, row, strict=True))
                assert key not in samples
                samples[key] = value
    return found


def table_of(
    labels: tuple[str, ...], metrics: Sequence[Metric], **rows: tuple[Labels, Sequence[Value]]
) -> Table:
    values = list(zip(*(values for _, values in rows.values()), strict=True))
    columns = [Column(metric, column) for metric, column in zip(metrics, values, strict=True)]
    return Table(labels, [row for row, _ in rows.values()], columns, (("target", "orders"),))


SESSIONS = table_of(
    SESSION,
    (COUNT, LONGEST),
    api=(("app", "active", "web", "api", "client backend", "IO", "DataFileRead"), ("2", "1.5")),
    slow=(("app", "active", "web", "api", "client backend", "Lock", "tuple"), ("1", "7")),
    job=(("app", "active", "job", "", "client backend", "", ""), ("4", None)),
)


def test_without_a_release_nothing_is_added() -> None:
    tables = [single({TIMED: "5"}), SESSIONS]

    assert list(LegacyNames(()).applied(tables)) == tables


def test_a_name_of_before_stands_beside_todays() -> None:
    assert shown(["0.10"], single({TIMED: "5"})) == {
        "pg_stat_bgwriter_checkpoints_timed_total": {(): "5"},
        "pg_stat_bgwriter_checkpoints_timed": {(): "5"},
    }
    assert set(shown(["0.11"], single({TIMED: "5"}))) == {"pg_stat_bgwriter_checkpoints_timed_total"}


@pytest.mark.parametrize(
    ("releases", "expected"),
    [
        (["0.10"], {("app", "active"): 7}),
        (["0.16"], {("app", "active", "web", "api"): 3, ("app", "active", "job", ""): 4}),
        (
            ["0.16", "0.10", "queries.yaml"],
            {("app", "active", "web", "api"): 3, ("app", "active", "job", ""): 4},
        ),
    ],
    ids=["two_labels", "four_labels", "the_newest_decides"],
)
def test_sessions_with_fewer_labels_take_the_place_of_todays(
    releases: Sequence[str], expected: dict[Labels, int]
) -> None:
    found = shown(releases, SESSIONS)

    counts = {tuple(v for n, v in key if n != "target"): value for key, value in found[COUNT.name].items()}
    assert counts == expected
    assert max(float(v) for v in found[LONGEST.name].values() if v is not None) == 7
    assert all(key[0] == ("target", "orders") for key in found[COUNT.name])


@pytest.mark.parametrize("releases", [["0.17"], ["0.10", "0.19"], ["queries.yaml"]], ids=str)
def test_sessions_keep_their_labels_for_releases_that_had_them(releases: Sequence[str]) -> None:
    assert shown(releases, SESSIONS) == shown([], SESSIONS)


def test_a_size_is_the_sum_of_both_and_unknown_where_one_is() -> None:
    sizes = table_of(
        TABLE,
        (TABLE_SIZE, INDEX_SIZE),
        orders=(("app", "public", "orders"), ("8192", "16384")),
        new=(("app", "public", "new"), ("8192", None)),
    )

    found = shown(["0.15"], sizes)

    assert list(found["pg_stat_user_tables_size_bytes"].values()) == [24576, None]
    assert "pg_stat_user_tables_size_bytes" not in shown(["0.19"], sizes)


def test_a_statement_has_its_role_under_the_label_of_before_and_a_mean() -> None:
    statements = table_of(
        STATEMENT,
        (CALLS, SECONDS),
        select=(("web", "app", "42"), (4, 2.0)),
        unused=(("web", "app", "43"), (0, 0.0)),
    )

    found = shown([*QUERIES], statements)

    first = (("target", "orders"), ("rolname", "web"), ("datname", "app"), ("queryid", "42"))
    assert found["pg_stat_statements_calls"][first] == 4
    assert list(found["pg_stat_statements_mean_time_seconds"].values()) == [0.5, None]


def test_what_lacks_a_column_or_a_label_gives_nothing() -> None:
    half = table_of(TABLE, (TABLE_SIZE,), orders=(("app", "public", "orders"), ("8192",)))
    other = Table(("x",), [("1",)], [Column(CALLS, (1,))])

    assert set(shown(["0.15", *QUERIES], half, other)) == {TABLE_SIZE.name, CALLS.name}


def test_each_name_of_before_is_made_of_names_that_there_are() -> None:
    for old in OLD_NAMES:
        for name in old.of:
            assert name in DECLARED
            today = {old.renamed.get(label, label) for label in old.metric.labels}
            assert today <= set(DECLARED[name].labels), old.metric.name


def test_releases_that_can_be_asked_for_are_those_that_have_names() -> None:
    assert frozenset().union(*(old.releases for old in OLD_NAMES)) == set(RELEASES)


def test_no_name_of_before_is_one_of_today() -> None:
    added = {old.metric.name for old in OLD_NAMES if old.metric.name not in old.of}

    assert added.isdisjoint(DECLARED)
