"""Views on servers that have not all of it: columns and functions missing or refused, extensions that lag."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic

import pytest

from exporter.collectors import run_view
from exporter.collectors.run_view import ViewCollector, view_collector
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Refused, Skip
from exporter.model.table import Table
from exporter.model.view import Counter, Gauge, Label, Scope, View, at
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.server import PostgresServer
from tests.collecting import VIEWS, database, role, source
from tests.replay import Player, Recording, Relation, played, recorded_collectors
from tests.servers import MAJORS, Postgres

pytestmark = pytest.mark.live

NEWEST = MAJORS[-1]
RECORDED = sorted(set(recorded_collectors()) & set(VIEWS))


def words(sql: str) -> set[str]:
    return set(re.findall(r"\w+", sql))


def names_of(tables: list[Table] | tuple[Table, ...]) -> set[str]:
    return {column.metric.name for table in tables for column in table.columns}


def droppable(view: View, recording: Recording) -> tuple[str, str, set[str]] | None:
    """A relation of the view, one of its columns, and the metrics that read it; no other column does."""
    query = view.sql(NEWEST) or ""
    frame = words(view.select([str(label.sql) for label in view.labels_at(NEWEST)], NEWEST))
    metrics = view.metrics_at(NEWEST)
    for name, relation in recording.relations.items():
        if name not in words(query) or not name.startswith("pg_stat"):
            continue
        for column in relation.columns:
            users = {m.name for m in metrics if column in words(at(m.sql, NEWEST) or "")}
            if users and len(metrics) > len(users) and column not in frame:
                return name, column, users
    return None


def changed(relation: Relation, column: str) -> Relation:
    """As a newer server might have it: that column gone, and one that nobody has heard of."""
    place = list(relation.columns).index(column)
    columns = {name: kind for name, kind in relation.columns.items() if name != column}
    rows = [[*row[:place], *row[place + 1 :], "1"] for row in relation.rows]
    return Relation(columns | {"brand_new": "bigint"}, rows)


RECORDING = Recording.load(NEWEST)
CHANGEABLE = [name for name in RECORDED if droppable(VIEWS[name], RECORDING)]


def test_most_statistics_views_are_tried_below() -> None:
    assert {"stat_bgwriter", "stat_database", "stat_checkpointer", "stat_wal"} <= set(CHANGEABLE)


@pytest.mark.parametrize("name", CHANGEABLE)
async def test_a_missing_and_an_unknown_column_cost_one_metric(postgres: Postgres, name: str) -> None:
    view = VIEWS[name]
    found = droppable(view, RECORDING)
    assert found
    relation, column, users = found
    relations = RECORDING.relations | {relation: changed(RECORDING.relations[relation], column)}
    with (
        played(postgres, replace(RECORDING, relations=relations)) as player,
        pytest.raises(Partial) as partial,
    ):
        await view_collector(view).build(player)(Deadline.after(30))

    assert isinstance(partial.value.error, Refused)
    assert partial.value.error.reason is Reason.UNSUPPORTED
    assert all(metric in str(partial.value.error) for metric in users)
    assert names_of(partial.value.tables) == {m.name for m in view.metrics_at(NEWEST)} - users


SOME = View(
    help="Settings, and what a server may refuse.",
    source="pg_settings WHERE name = 'port'",
    docs="view-pg-settings.html",
    labels=(Label("name", "name", eg="port"), Label("gone", "no_such_label", eg="x")),
    metrics=(
        Gauge("pg_test_port", "setting", "The port.", eg=5432),
        Gauge("pg_test_renamed", {13: "min_val", 15: "no_such_column"}, "Renamed.", eg=1),
        Gauge("pg_test_gone", "no_such_function()", "Gone.", eg=1),
        Counter("pg_test_refused", "(SELECT count(*) FROM pg_ls_waldir())", "Refused.", eg=1),
    ),
)


@pytest.fixture
def nobody(postgres: Postgres) -> Iterator[PostgresOptions]:
    with role(postgres, "exporter_without_rights") as options:
        yield options


async def test_each_column_is_tried_on_its_own_and_once(nobody: PostgresOptions) -> None:
    async with source(nobody) as server:
        collector = ViewCollector(SOME, server)
        with pytest.raises(Partial) as partial:
            await collector.collect(Deadline.after(10))
        again = Asked(server)
        collector._server = again  # type: ignore[assignment]
        with pytest.raises(Partial):
            await collector.collect(Deadline.after(10))

    tables = partial.value.tables
    assert names_of(tables) == {"pg_test_port", "pg_test_renamed"}  # the older entry of the renamed one works
    assert [table.rows for table in tables] == [[("port", "")]]
    assert isinstance(partial.value.error, Refused)
    assert partial.value.error.reason is Reason.PERMISSION  # a right can be given: that is worth more words
    assert len(again.queries) == 1


async def test_a_right_that_is_granted_is_seen_after_a_while(
    nobody: PostgresOptions, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = replace(SOME, metrics=[SOME.metrics[3]], labels=[])
    async with source(nobody) as server:
        collector = ViewCollector(view, server)
        for _ in range(2):
            with pytest.raises(Refused):
                await collector.collect(Deadline.after(10))
        postgres.execute("GRANT pg_monitor TO exporter_without_rights")
        with pytest.raises(Refused):
            await collector.collect(Deadline.after(10))
        monkeypatch.setattr(run_view, "monotonic", lambda: monotonic() + 61)
        assert names_of(list(await collector.collect(Deadline.after(10)))) == {"pg_test_refused"}


async def test_what_the_server_does_not_have_is_skipped_without_asking(postgres: Postgres) -> None:
    view = replace(SOME, metrics=[SOME.metrics[2]])
    async with source(PostgresOptions(postgres.dsn())) as server:
        asked = Asked(server)
        collector = ViewCollector(view, asked)  # type: ignore[arg-type]
        with pytest.raises(Skip) as skipped:
            await collector.collect(Deadline.after(10))
        before = len(asked.queries)
        with pytest.raises(Skip):
            await collector.collect(Deadline.after(10))

    assert skipped.value.reason is Reason.UNSUPPORTED
    assert len(asked.queries) == before


STATEMENTS = View(
    help="Statements.",
    source="EXTENSION.pg_stat_statements(false) AS s",
    extension="pg_stat_statements",
    scope=Scope.DATABASE,
    docs="pgstatstatements.html",
    labels=(Label("datname", "(SELECT current_database())", eg="app"),),
    metrics=(
        Counter("pg_test_calls", "sum(s.calls)", "Calls.", eg=1),
        Counter("pg_test_wal_bytes", "sum(s.wal_bytes)", "WAL.", eg=1),
    ),
)


@pytest.mark.timeout(120)
async def test_an_extension_is_found_in_its_schema_and_may_be_older_than_its_server() -> None:
    with Postgres(15, settings={"shared_preload_libraries": "pg_stat_statements"}) as pg:
        schema = 'CREATE SCHEMA "od d"'
        create = 'CREATE EXTENSION pg_stat_statements SCHEMA "od d"'
        with database(pg, "old", schema, f"{create} VERSION '1.7'"), database(pg, "new", schema, create):
            async with source(PostgresOptions(pg.dsn(dbname="old"))) as server:
                with pytest.raises(Partial) as partial:
                    await ViewCollector(STATEMENTS, server).collect(Deadline.after(10))

    shown = {row: names_of([table]) for table in partial.value.tables for row in table.rows}
    assert shown == {("old",): {"pg_test_calls"}, ("new",): {"pg_test_calls", "pg_test_wal_bytes"}}
    assert "pg_test_wal_bytes" in str(partial.value.error)


async def test_without_its_extension_a_view_is_skipped(postgres: Postgres) -> None:
    view = replace(STATEMENTS, extension="pg_buffercache")
    async with source(PostgresOptions(postgres.dsn())) as server:
        with pytest.raises(Skip, match="needs the extension pg_buffercache in database"):
            await ViewCollector(view, server).collect(Deadline.after(10))


class Asked:
    """A server that counts what it is asked."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.queries: list[object] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._server, name)

    async def fetch(self, query: object, *args: object, **kwargs: object) -> object:
        self.queries.append(query)
        return await self._server.fetch(query, *args, **kwargs)  # type: ignore[arg-type]


def test_the_player_is_a_server() -> None:
    assert {"fetch", "databases", "turn", "connections"} <= set(dir(Player))
