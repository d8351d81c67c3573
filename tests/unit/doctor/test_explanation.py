"""What is explained of a collector: state, version branch, gates and series."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from exporter.collectors.run_view import view_collector
from exporter.doctor.explanation import Explanation, Server, _in_turn, explanation
from exporter.doctor.explanation_text import lines, span
from exporter.doctor.trial import Trial, try_each
from exporter.model.collector import Collect, CollectorSpec, Cost, Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip, Unavailable
from exporter.model.metric import Metric, gauge
from exporter.model.snapshot import Outcome, State
from exporter.model.table import Column, Table, single
from exporter.model.view import Counter, Gauge, Label, Scope, View
from exporter.scrape.engine import Engine

VIEW = View(
    help="Things, from pg_things.",
    source={14: "pg_things", 17: "pg_new_things"},
    labels=(Label("relname", "relname", eg="t"), Label("kind", "kind", eg="a")),
    metrics=(
        Counter("pg_things_total", "n", "Things.", eg=3),
        Counter("pg_things_new_total", {17: "m"}, "New things.", eg=3),
        Gauge("pg_things_size_bytes", "size", "Size.", eg=0.5, by=("relname",)),
    ),
    docs="x.html",
    scope=Scope.DATABASE,
    needs=("pg_monitor",),
    default=False,
    cost=Cost.ROWS,
    every_seconds=300,
)
THINGS = Named("big_things", "postgres", view_collector(VIEW))
ON = frozenset({"big_things", "x", "one", "two", "three"})
NARROW, WIDE = (gauge(name, "X.", ("role", "db")) for name in ("x_<name>_seconds", "x_<name>"))
PLAIN = gauge("x", "X.")


class Source:
    """A source that only has a name."""

    def describe(self) -> str:
        return "postgres at db:5432"


def spec(collect: Collect, metrics: Sequence[Metric] = (PLAIN,), default: bool = True) -> CollectorSpec:
    return CollectorSpec(
        help="X.",
        source="redis",
        metrics=metrics,
        build=lambda _: collect,
        explain=lambda major: f"GET {major}",
        default=default,
    )


async def nothing(_deadline: Deadline) -> Sequence[Table]:
    return ()


def ran(named: Named, *tables: Table, state: State = State.OK, text: str = "") -> Trial:
    return Trial(named, Outcome(named.name, named.family, state, 0.0042, None, text), tables)


def on(server: Server) -> Explanation:
    return explanation(THINGS, ON, Source(), server, None)


def test_the_branch_of_the_servers_version() -> None:
    assert (on(Server(15)).major, on(Server(15)).assumed) == (15, "")
    assert "FROM pg_things" in on(Server(15)).runs
    assert "m AS pg_things_new_total" in on(Server(17)).runs
    assert on(Server(19)).major == 19


def test_the_newest_branch_where_the_servers_is_not_known_or_has_none() -> None:
    unknown, old = on(Server(None, "no server is configured")), on(Server(13))

    assert (unknown.major, unknown.assumed) == (18, "no server is configured")
    assert (old.major, old.assumed) == (18, "the server's 13 does not")
    assert "FROM pg_new_things" in unknown.runs == old.runs


def test_what_is_not_on_says_which_setting_would_change_that() -> None:
    redis = Named("x", "redis", spec(nothing))
    off = Named("x", "redis", spec(nothing, default=False))
    server = Server(None)

    assert explanation(redis, (), Source(), server, None).state == "off: collector.x is false"
    assert explanation(off, (), Source(), server, None).state == "off: collector.x is false, as by default"
    assert (
        explanation(redis, ON, None, server, None).state
        == "off: redis.address is not set, so it has no target"
    )
    assert explanation(redis, ON, None, server, None).target == ""


def test_what_is_on_says_how_its_run_ended() -> None:
    def state(state: State, text: str = "") -> str:
        return explanation(THINGS, ON, Source(), Server(15), ran(THINGS, state=state, text=text)).state

    assert state(State.OK) == "running"
    assert state(State.SKIPPED, "needs PostgreSQL 17") == "skipped: needs PostgreSQL 17"
    assert state(State.FAILED, "bad") == "failing: bad"
    assert state(State.LATE, "not ready") == "late: not ready"


def test_metrics_with_patterns_count_what_they_stand_for() -> None:
    named = Named("x", "redis", spec(nothing, (WIDE, NARROW, PLAIN)))
    table = Table(
        ("db",),
        [("a",), ("b",)],
        [
            Column(gauge("x_up", "X."), (1, None)),
            Column(gauge("x_up_seconds", "X."), (1, 2)),
            Column(gauge("x_age_seconds", "X."), (1, 2)),
        ],
        (("role", "r"),),
    )
    given = explanation(named, ON, Source(), Server(None), ran(named, table)).metrics

    assert [(g.metric, g.series) for g in given] == [(WIDE, 1), (NARROW, 4), (PLAIN, 0)]
    assert [g.labels for g in given] == [("role", "db"), ("role", "db"), ()]


def test_the_block_of_a_view() -> None:
    table = Table(
        ("relname", "kind"), [("t", "a"), ("t", "b")], [Column(THINGS.spec.metrics[0], ("1", None))]
    )
    explained = explanation(THINGS, ON, Source(), Server(15), ran(THINGS, table))

    assert list(lines([explained])) == [
        "big_things (postgres)",
        "  collects  Things, from pg_things.",
        "  state     running",
        "  one run   ok in 4.2 ms, 1 series",
        "  target    postgres at db:5432",
        "  switch    off by default, --collector.big-things switches it on",
        "  versions  PostgreSQL 14 and newer",
        "  scope     in each database",
        "  rights    pg_monitor",
        "  cost      rows: one for each table, index, command, client or the like",
        "  when      every 300 s, in the background; a scrape shows the newest result",
        "  runs on PostgreSQL 15",
        "    SELECT relname AS relname,",
        "           kind AS kind,",
        "           n AS pg_things_total,",
        "           size AS pg_things_size_bytes",
        "    FROM pg_things",
        "  metrics",
        "    pg_things_total       counter    by relname kind, 1 series",
        "    pg_things_new_total   counter    not here, but on PostgreSQL 17 and newer",
        "    pg_things_size_bytes  gauge      by relname, 0 series",
    ]


def test_the_block_of_another_collector() -> None:
    named = Named("x", "redis", spec(nothing))
    block = list(lines([explanation(named, ON, None, Server(None), None)] * 2))

    assert "  runs" in block
    assert "    GET None" in block
    assert not any(line.startswith(("  one run", "  versions", "  target")) for line in block)
    assert block.count("") == 1


def test_spans_of_versions() -> None:
    assert span([13, 14, 15, 16, 17, 18]) == "PostgreSQL 13 and newer"
    assert span([13, 15, 16]) == "PostgreSQL 13, 15 to 16"


def engine(*collects: Collect) -> Engine:
    names = ("one", "two", "three")
    return Engine([Named(n, "redis", spec(c)) for n, c in zip(names, collects, strict=False)], {"redis": 1})


def test_what_each_gave_is_told_apart_from_what_the_engine_says() -> None:
    async def gives(_deadline: Deadline) -> Sequence[Table]:
        return [single({PLAIN: 1})]

    async def skips(_deadline: Deadline) -> Sequence[Table]:
        raise Skip(Reason.VERSION, "too old")

    trials = asyncio.run(try_each(engine(gives, skips), Deadline.after(1)))

    assert [(t.named.name, t.outcome.state, t.series) for t in trials] == [
        ("one", State.OK, 1),
        ("two", State.SKIPPED, 0),
    ]


def test_runs_are_one_after_the_other_until_the_target_is_down() -> None:
    running: list[int] = []
    most: list[int] = []

    def collect(error: Exception | None) -> Collect:
        async def collect(_deadline: Deadline) -> Sequence[Table]:
            running.append(1)
            await asyncio.sleep(0.01)
            most.append(len(running))
            running.pop()
            if error is not None:
                raise error
            return ()

        return collect

    up, down = collect(None), collect(Unavailable("gone"))
    asyncio.run(_in_turn(engine(up, up, up), Deadline.after(1), ["one", "two", "three"]))
    assert most == [1, 1, 1]
    most.clear()
    trials = asyncio.run(_in_turn(engine(down, down, down), Deadline.after(1), ["one", "two", "three"]))
    assert most[0] == 1
    assert max(most) == 2
    assert [t.named.name for t in trials] == ["one", "two", "three"]
