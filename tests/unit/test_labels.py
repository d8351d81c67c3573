"""The catalogue names every label: what collectors give has those, and upstream's names have upstream's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from operator import is_
from pathlib import Path

import pytest

from exporter.collectors import discover
from exporter.collectors.pool.postgres_pools import COLLECTOR as POOLS_OF_POSTGRES
from exporter.collectors.pool.psycopg_pool import COLLECTOR as POOLS
from exporter.collectors.postgres import (
    query_plans,
    slow_queries,
    slow_statements,
    stat_statements,
    stat_statements_totals,
    statement_anomalies,
    statements_by_table,
)
from exporter.collectors.postgres._query_plans import Plans
from exporter.collectors.postgres._slow_statements import SlowStatements
from exporter.collectors.postgres._statements_source import Statements
from exporter.collectors.postgres.activity import Activity
from exporter.collectors.postgres.postgres_up import Up
from exporter.collectors.postgres.process_idle import ProcessIdle
from exporter.collectors.postgres.stat_statements_totals import BY_USER
from exporter.collectors.postgres.subscription_relations import Relations
from exporter.collectors.postgres.user_queries import COLLECTOR as USER_QUERIES
from exporter.collectors.redis import _instance, redis_info
from exporter.collectors.run_view import ViewCollector
from exporter.collectors.user_queries import load
from exporter.collectors.view_plan import declared
from exporter.expose.text import TextEncoder
from exporter.http.own import OwnMetrics
from exporter.model.collector import Collect
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import Metric
from exporter.model.slow_query import SlowQueries
from exporter.model.snapshot import Outcome, State
from exporter.model.table import Column, Table, info
from exporter.model.view import SUPPORTED_MAJORS, View
from exporter.scrape.legacy import LegacyNames
from exporter.scrape.legacy_names import OLD_NAMES, QUERIES
from exporter.scrape.report import report
from exporter.slow_log.callbacks import Callback
from exporter.slow_log.sink import tables_of
from exporter.slow_log.worker import Worker
from exporter.sources.host.fake import FakeHost
from exporter.sources.postgres.rows import Extension, Rows
from exporter.sources.redis.fake import FakeRedis
from tests import record_container, record_host, replay_pgbouncer, replay_redis
from tests.declared import DECLARED, OPTIONAL, Shown, complaint, complaints, in_tables, on_page
from tests.docs.generated import ROOT
from tests.docs.upstream import lines
from tests.each import each
from tests.unit.collectors.host import made_up
from tests.unit.collectors.pool import test_postgres_pools
from tests.unit.collectors.redis import keys_made_up

GOLDEN = Path(__file__).parents[1] / "golden"
PAGES = sorted(GOLDEN.rglob("*.txt"))
VIEWS = [named.spec.view for named in discover().values() if isinstance(named.spec.view, View)]

# What no recorded server was: a master with a replica, Valkey 9.1, a cluster of several nodes.
INFO = """# Server
valkey_version:9.1.0
used_active_time_io_thread_1:2.5
tls_server_cert_serial:0a
# Replication
role:master
master_repl_offset:20
slave0:ip=10.0.0.1,port=6379,state=online,offset=10,lag=1
# Scripting
engine_0:name=lua,module=lua,abi_version=4,used_memory=1,memory_overhead=2
# Cluster
cluster_enabled:1
"""
MADE_UP = FakeRedis(INFO, {redis_info.CLUSTER_INFO: "cluster_state:ok\r\ncluster_stats_messages_ping_sent:5"})


REDIS = [replay_redis.played(f"8.2{kind}") for kind in ("", "-cluster", "-sentinel")]


class OnePool:
    name = "main"

    def get_stats(self) -> dict[str, int]:
        return {"pool_size": 1, "pool_available": 1}


class FakePostgres:
    """Answers every query with one row, of as many columns as the view has."""

    address = "db:5432"

    def __init__(self, columns: int) -> None:
        self._columns = columns

    connections = 1

    def shows(self, _database: str | None) -> bool:
        return True

    async def databases(self, _deadline: Deadline) -> list[str]:
        return ["1"]

    async def extensions(
        self, _deadline: Deadline, *, database: str | None = None, aside: bool = False
    ) -> Mapping[str, Extension]:
        del database, aside
        return {view.extension: Extension("public", "1.5") for view in VIEWS}

    async def fetch(
        self,
        query: str | Callable[[int], str],
        _deadline: Deadline,
        *,
        database: str | None = None,
        aside: bool = False,
        together: bool = False,
    ) -> Rows:
        del database, aside, together  # it is a server of few words
        assert query
        major = SUPPORTED_MAJORS[-1]
        return Rows(columns=[("1",)] * self._columns, names=["x"] * self._columns, count=1, major=major)


def host() -> list[Table]:
    (recording,) = record_host.RECORDED.iterdir()
    found = [table for name in record_host.NAMES for table in record_host.collect(name, FakeHost(recording))]
    (container,) = map(record_container.Recorded, record_container.RECORDED.iterdir())
    return [
        *found,
        *(t for name in record_host.OF_PROCESSES for t in record_host.collect(name, container)),
        *made_up.tables(),
    ]


def redis() -> list[Table]:
    async def run() -> list[Table]:
        played = map(replay_redis.played, (*replay_redis.RECORDINGS, *replay_redis.WRITTEN))
        found = [table for source in played for table in await replay_redis.tables(source)]
        of_keys = await keys_made_up.tables()
        return [*found, *of_keys, *await redis_info.COLLECTOR.build(MADE_UP)(Deadline.after(1))]

    return asyncio.run(run())


def pgbouncer() -> list[Table]:
    async def run() -> list[Table]:
        played = map(replay_pgbouncer.played, replay_pgbouncer.RECORDINGS)
        return [table for source in played for table in await replay_pgbouncer.tables(source)]

    return asyncio.run(run())


def postgres_pools() -> Sequence[Table]:
    server = test_postgres_pools.Server([("web", 20)], [("web", "idle", "4")])

    async def run() -> Sequence[Table]:
        return await POOLS_OF_POSTGRES.build(server)(Deadline.after(1))

    return asyncio.run(run())


def psycopg_pool() -> Sequence[Table]:
    async def run() -> Sequence[Table]:
        return await POOLS.build([OnePool()])(Deadline.after(1))

    return asyncio.run(run())


def postgres_up() -> Sequence[Table]:
    return asyncio.run(Up(FakePostgres(2)).collect(Deadline.after(1)))  # type: ignore[arg-type]


def views() -> list[Table]:
    plans = [plan for view in VIEWS for major in SUPPORTED_MAJORS if (plan := declared(view, major))]
    groups = [group for plan in plans for group in plan.groups]
    return [
        Table(tuple(label.name for label in g.labels), [], [Column(m, []) for m in g.metrics]) for g in groups
    ]


def engine() -> list[Table]:
    families = ("postgres", "host")
    outcomes = [Outcome("x", family, State.FAILED, 1, Reason.ERROR, "x", 1, 1, 1) for family in families]
    return report(outcomes, {("x", "host"): 1})


def user_queries() -> Sequence[Table]:
    collect = USER_QUERIES.build(load([str(ROOT / "docs" / "examples" / "queries.yml")]))

    async def collected() -> Sequence[Table]:
        return await collect(Deadline.after(1))

    return asyncio.run(collected())


def process_idle() -> Sequence[Table]:
    return asyncio.run(ProcessIdle(FakePostgres(3)).collect(Deadline.after(1)))  # type: ignore[arg-type]


def activity() -> Sequence[Table]:
    return asyncio.run(Activity(FakePostgres(20)).collect(Deadline.after(1)))  # type: ignore[arg-type]


def subscription_relations() -> Sequence[Table]:
    return asyncio.run(Relations(FakePostgres(4)).collect(Deadline.after(1)))  # type: ignore[arg-type]


def statements() -> Sequence[Table]:
    held = Statements()
    top = held.with_top()
    held.known = [name for name, *_ in BY_USER]
    by_table = statements_by_table.tables(held.with_groups(0.1), held.with_texts())
    anomalies = statement_anomalies.tables(held.with_rings())
    return [
        *stat_statements_totals.tables(held),
        stat_statements.table(top),
        *by_table,
        *anomalies,
        *query_plans.tables(Plans()),
    ]


def slow() -> Sequence[Table]:
    noted = SlowStatements("postgres at h:1", SlowQueries(), 0.1)
    worker = Worker([Callback("theirs", print)])
    worker.file.up = True
    running = slow_queries.tables({"app": True}, ["app"], {})
    return [*running, slow_statements.table(noted), *tables_of(worker)]


def legacy() -> Sequence[Table]:
    """What is made of today's names, for the newest releases that had each."""
    today = {metric.name: metric for named in discover().values() for metric in named.spec.metrics}
    given = [[today[name] for name in old.of] for old in OLD_NAMES]
    tables = [Table(metrics[0].labels, [], [Column(m, []) for m in metrics]) for metrics in given]
    return list(LegacyNames(("0.10", "0.17", "0.19", *QUERIES)).applied(tables))


SOURCES = (
    host,
    redis,
    pgbouncer,
    postgres_pools,
    psycopg_pool,
    postgres_up,
    user_queries,
    process_idle,
    activity,
    subscription_relations,
    statements,
    slow,
    views,
    engine,
    legacy,
)


@pytest.fixture(scope="module")
def tables() -> dict[str, Sequence[Table]]:
    """What the collectors give, by where it is from."""
    return {source.__name__: source() for source in SOURCES}


@pytest.mark.parametrize("source", [source.__name__ for source in SOURCES])
def test_labels_of_tables_are_the_declared_ones(tables: dict[str, Sequence[Table]], source: str) -> None:
    assert tables[source]
    assert complaints(in_tables(tables[source])) == []
    page = b"".join(TextEncoder().encode(tables[source])).decode()
    assert complaints(on_page(page)) == []


@pytest.mark.parametrize("source", [source.__name__ for source in SOURCES])
def test_a_metric_that_is_made_has_the_labels_of_its_pattern(
    tables: dict[str, Sequence[Table]], source: str
) -> None:
    metrics = {column.metric for table in tables[source] for column in table.columns}

    assert complaints(Shown(m.name, m.kind.value, "_sum", m.labels) for m in metrics) == []


@each(PAGES)
def test_labels_on_a_recorded_page_are_the_declared_ones(page: Path) -> None:
    assert complaints(on_page(page.read_text())) == []


def test_labels_of_the_process_are_the_declared_ones() -> None:
    shown = list(on_page(OwnMetrics().text().decode()))

    assert "exporter_build_info" in {sample.name for sample in shown}
    assert complaints(iter(shown)) == []


def test_nothing_with_labels_is_left_unseen(tables: dict[str, Sequence[Table]]) -> None:
    seen = {shown.name for found in tables.values() for shown in in_tables(found)}
    seen |= {shown.name for shown in on_page(OwnMetrics().text().decode())}

    labelled = {name for name, metric in DECLARED.items() if metric.labels and "<" not in name}
    assert labelled - seen == set()


def test_each_way_to_differ_is_a_complaint() -> None:
    def said(name: str, kind: str, *labels: str, suffix: str = "") -> str:
        return complaint(Shown(name, kind, suffix, labels)) or ""

    assert said("pg_locks_count", "gauge", "datname", "mode") == ""
    assert "labels" in said("pg_locks_count", "gauge", "datname")
    assert "labels" in said("pg_locks_count", "gauge", "datname", "mode", "server")
    assert "labels" in said("pg_locks_count", "gauge", "mode", "datname")
    assert "a counter" in said("pg_locks_count", "counter", "datname", "mode")
    assert "not in the catalogue" in said("pg_nothing", "gauge")
    assert said("pg_settings_x_y_seconds", "gauge") == said("node_vmstat_x", "untyped") == ""
    assert "labels" in said("pg_settings_x_y_seconds", "gauge", "server")
    assert said("redis_commands_latencies_usec", "histogram", "cmd", "le", suffix="_bucket") == ""
    assert "labels" in said("redis_commands_latencies_usec", "histogram", "cmd", "le", suffix="_sum")
    assert said("redis_latency_percentiles_usec", "summary", "cmd", "quantile") == ""
    assert complaints(in_tables([info(_instance.INSTANCE, {"role": "master"})])) != []


def test_help_names_the_labels_that_only_some_targets_have() -> None:
    helps = {metric.name: metric.help for named in discover().values() for metric in named.spec.metrics}

    for name, optional in OPTIONAL.items():
        assert optional < set(DECLARED[name].labels)
        assert [label for label in sorted(optional) if label not in helps[name]] == []


def test_metrics_are_made_once() -> None:
    """The encoder knows a metric again by its identity: one made at each scrape costs a comparison."""

    async def metrics(collect: Collect) -> list[Metric]:
        try:
            tables = await collect(Deadline.after(1))
        except Skip:  # not every recorded server has everything
            return []
        return [column.metric for table in tables for column in table.columns]

    async def run() -> None:
        collects: list[Collect] = [
            redis_info.COLLECTOR.build(MADE_UP),
            *(s.build(played) for s in replay_redis.collectors().values() for played in REDIS),
            *(s.build(replay_pgbouncer.played("1.25.2")) for s in replay_pgbouncer.collectors().values()),
            *(
                ViewCollector(view, FakePostgres(len(view.labels) + len(view.metrics))).collect  # type: ignore[arg-type]
                for view in VIEWS
                if view.scope == "cluster"
            ),
        ]
        made = 0
        for collect in collects:
            first, again = await metrics(collect), await metrics(collect)
            assert all(map(is_, first, again))
            made += bool(first)
        assert made > len(collects) / 2

    asyncio.run(run())


UPSTREAM = {line["metric"]: line for line in [*lines("upstream_names.tsv"), *lines("psycopg_pool_names.tsv")]}
WITHOUT = [
    line
    for file in ("postgres_exceptions.tsv", "container_exceptions.tsv")
    for line in lines(file)
    if line["what"].startswith("without ")
]
THEIRS = [metric for name, metric in DECLARED.items() if name in UPSTREAM]


def left_out(name: str) -> set[str]:
    """Upstream's labels that a metric lacks here, for a reason."""
    lines = [line for line in WITHOUT if re.fullmatch(line["series"], name)]
    return {line["what"].removeprefix("without ") for line in lines}


def test_an_upstream_name_has_upstreams_type_and_labels() -> None:
    for metric in THEIRS:
        line = UPSTREAM[metric.name]
        theirs = {label.partition("=")[0] for label in line["labels"].split(",")} - {""}
        without = left_out(metric.name)

        assert metric.kind == line["type"], metric.name
        # Labels that only some targets have are not on the list.
        assert set(metric.labels) - OPTIONAL.get(metric.name, frozenset()) == theirs - without, metric.name
        assert without <= theirs, metric.name


def test_most_of_what_is_declared_was_compared() -> None:
    assert len(THEIRS) > 450


def test_each_exception_is_needed() -> None:
    names = [metric.name for metric in THEIRS]

    assert [line for line in WITHOUT if not any(re.fullmatch(line["series"], name) for name in names)] == []
