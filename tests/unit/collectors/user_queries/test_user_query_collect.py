"""What becomes of a result, and on which servers and databases a query runs at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest

from exporter.collectors.user_queries import collect, load
from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Partial, Reason, Refused, Skip, SourceError, Unavailable
from exporter.model.metric import Metric, gauge
from exporter.sources.postgres.rows import Rows

INT, BOOL, TEXT, TIMESTAMPTZ, FLOAT, ARRAY = 23, 16, 25, 1184, 701, 1007

Cell = str | None
Answer = Rows | SourceError | float


def rows(*columns: tuple[str, int, Sequence[Cell]]) -> Rows:
    count = len(columns[0][2])
    return Rows([c[2] for c in columns], [c[0] for c in columns], count, 15, [c[1] for c in columns])


@dataclass
class FakeServer:
    """Answers each query of users by database: with rows, an error, or after some seconds of sleep."""

    answers: Mapping[str | None, Answer]
    version: int = 150018
    standby: bool = False
    asked: list[tuple[str, str | None, bool]] = field(default_factory=list)

    async def fetch(
        self,
        sql: str | Callable[[int], str],
        _deadline: Deadline,
        *,
        database: str | None = None,
        aside: bool = False,
        own_search_path: bool = False,
    ) -> Rows:
        major = self.version // 10_000
        text = sql(major) if callable(sql) else sql
        if text == collect.FACTS:
            return Rows([(str(self.version),), ("ft"[self.standby],)], ["v", "r"], 1, major, [TEXT, BOOL])
        assert own_search_path
        self.asked.append((text, database, aside))
        answer = self.answers[database]
        if isinstance(answer, SourceError):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return rows(("m", INT, ["1"]))
        return answer

    async def databases(self, _deadline: Deadline) -> list[str]:
        return [name for name in self.answers if name is not None]


class Collector:
    """The collector of the one query in a text."""

    def __init__(
        self, folder: Path, text: str, server: FakeServer, *taken: Metric, discover: bool = False
    ) -> None:
        (folder / "q.yml").write_text(text)
        found = load([str(folder / "q.yml")], taken, every_database=discover)
        assert list(found.findings) == []
        (named,) = found.collectors
        self._collect = named.spec.build(server)

    async def page(self) -> list[str]:
        """The page without HELP."""
        text = b"".join(TextEncoder().encode(await self._collect(Deadline.after(5)))).decode()
        return [line for line in text.splitlines() if not line.startswith("# HELP")]

    async def part(self) -> tuple[list[str], BaseException]:
        """The page of a run that gave a part, and why."""
        with pytest.raises(Partial) as caught:
            await self._collect(Deadline.after(5))
        text = b"".join(TextEncoder().encode(caught.value.tables)).decode()
        return [line for line in text.splitlines() if not line.startswith("#")], caught.value.error


OURS = "queries: {q: {query: SELECT, labels: [state], metrics: {m: M., n_total: {column: n, help: N.}}}}"


async def test_columns_are_found_by_name(tmp_path: Path) -> None:
    answer = rows(
        ("n", INT, ["5", None, "7"]),
        ("extra", TEXT, ["x", "y", "z"]),
        ("state", TEXT, ['a"b', "c", None]),
        ("m", BOOL, ["t", "f", None]),
    )
    assert await Collector(tmp_path, OURS, FakeServer({None: answer})).page() == [
        "# TYPE m gauge",
        'm{state="a\\"b"} 1',
        'm{state="c"} 0',
        "# TYPE n_total counter",
        'n_total{state="a\\"b"} 5',
        'n_total{state=""} 7',
    ]


async def test_no_rows_are_no_samples(tmp_path: Path) -> None:
    answer = rows(("n", INT, []), ("state", TEXT, []), ("m", INT, []))

    assert await Collector(tmp_path, OURS, FakeServer({None: answer})).page() == []


async def test_a_missing_column_is_named_with_those_that_came(tmp_path: Path) -> None:
    collector = Collector(
        tmp_path, OURS, FakeServer({None: rows(("status", TEXT, ["a"]), ("m", INT, ["1"]))})
    )

    with pytest.raises(Refused, match=r"lacks state, n; it has status, m: .*q\.yml line 1"):
        await collector.page()


async def test_a_column_that_is_no_number_costs_itself(tmp_path: Path) -> None:
    answer = rows(("n", 1186, ["1 day"]), ("state", TEXT, ["a"]), ("m", INT, ["4"]))
    lines, error = await Collector(tmp_path, OURS, FakeServer({None: answer})).part()

    assert lines == ['m{state="a"} 4']
    assert "column n has something that is no number" in str(error)
    assert "1 day" not in str(error)


UPSTREAM = """
ns:
  query: SELECT
  metrics:
    - state: {usage: LABEL}
    - calls: {usage: COUNTER}
    - gone: {usage: GAUGE}
    - internal: {usage: DISCARD}
    - mode: {usage: MAPPEDMETRIC, metric_mapping: {"off": 0, "on": 1}}
    - lag: {usage: DURATION}
"""


async def test_upstreams_conversions(tmp_path: Path) -> None:
    answer = rows(
        ("state", BOOL, ["t", None]),
        ("calls", TEXT, ["5", None]),
        ("internal", INT, ["1", "1"]),
        ("mode", TEXT, ["on", "off"]),
        ("lag", TEXT, ["1m", "250"]),
        ("since", TIMESTAMPTZ, ["1970-01-01 00:01:00+00", None]),
        ("note", TEXT, ["abc", "def"]),
        ("?column?", INT, ["1", "2"]),
    )
    assert await Collector(tmp_path, UPSTREAM, FakeServer({None: answer})).page() == [
        "# TYPE ns_calls counter",
        'ns_calls{state="true"} 5',
        'ns_calls{state=""} NaN',
        "# TYPE ns_mode gauge",
        'ns_mode{state="true"} 1.0',
        'ns_mode{state=""} 0.0',
        "# TYPE ns_lag_milliseconds gauge",
        'ns_lag_milliseconds{state="true"} 60000',
        'ns_lag_milliseconds{state=""} 250',
        "# TYPE ns_since untyped",
        'ns_since{state="true"} 60',
        'ns_since{state=""} NaN',
    ]


async def test_upstreams_label_that_is_not_in_the_result(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="lacks state"):
        await Collector(tmp_path, UPSTREAM, FakeServer({None: rows(("calls", INT, ["1"]))})).page()


async def test_an_undeclared_column_takes_no_built_in_name(tmp_path: Path) -> None:
    answer = rows(("state", TEXT, ["a"]), ("calls", INT, ["1"]), ("size", INT, ["2"]))
    collector = Collector(tmp_path, UPSTREAM, FakeServer({None: answer}), gauge("ns_size", "Size."))
    lines, error = await collector.part()

    assert lines == ['ns_calls{state="a"} 1']
    assert "column size is not declared, and ns_size would be untyped by state, but" in str(error)


HISTOGRAM = "ns: {query: SELECT, metrics: [{q: {usage: LABEL}}, {s: {usage: HISTOGRAM}}]}"


async def test_a_histogram_of_arrays(tmp_path: Path) -> None:
    answer = rows(
        ("q", TEXT, ["a", "b", "c"]),
        ("s", ARRAY, ["{1000000,0.1}", "{Infinity,1}", "{x}"]),
        ("s_bucket", ARRAY, ["{3,1}", "{5,2}", "{1}"]),
        ("s_sum", FLOAT, ["2.5", "9", "1"]),
        ("s_count", INT, ["4", "5", "1"]),
    )
    lines, error = await Collector(tmp_path, HISTOGRAM, FakeServer({None: answer})).part()

    assert lines == [
        'ns_s_bucket{q="a",le="0.1"} 1',
        'ns_s_bucket{q="a",le="1e+06"} 3',
        'ns_s_bucket{q="a",le="+Inf"} 4',
        'ns_s_bucket{q="b",le="1"} 2',
        'ns_s_bucket{q="b",le="+Inf"} 5',
        'ns_s_sum{q="a"} 2.5',
        'ns_s_sum{q="b"} 9',
        'ns_s_count{q="a"} 4',
        'ns_s_count{q="b"} 5',
    ]
    assert "column s: expected an array of bounds" in str(error)


EACH = "queries: {q: {query: SELECT, databases: [shop.*], metrics: {m: M.}}}"


async def test_in_each_database_that_matches(tmp_path: Path) -> None:
    answer = rows(("m", INT, ["1"]))
    server = FakeServer({"postgres": answer, "shop": answer, "shop_old": answer, "my_shop": answer})

    assert await Collector(tmp_path, EACH, server).page() == [
        "# TYPE m gauge",
        'm{datname="shop"} 1',
        'm{datname="shop_old"} 1',
    ]
    assert [database for _, database, _ in server.asked] == ["shop", "shop_old"]


async def test_a_database_that_fails_costs_itself(tmp_path: Path) -> None:
    server = FakeServer({"shop": rows(("m", INT, ["1"])), "shop_old": Unavailable("no")})
    lines, error = await Collector(tmp_path, EACH, server).part()

    assert lines == ['m{datname="shop"} 1']
    assert isinstance(error, Unavailable)


async def test_no_database_matches(tmp_path: Path) -> None:
    with pytest.raises(Skip, match="no database matches") as caught:
        await Collector(tmp_path, EACH, FakeServer({"postgres": Unavailable("")})).page()
    assert caught.value.reason is Reason.NO_DATA


async def test_upstreams_queries_in_each_database_show_a_series_once(tmp_path: Path) -> None:
    server = FakeServer({"postgres": rows(("a", INT, ["1"])), "shop": rows(("a", INT, ["2"]))})
    metrics = "metrics: [{a: {usage: COUNTER}}]"

    page = await Collector(tmp_path, f"ns: {{query: SELECT, {metrics}}}", server, discover=True).page()
    assert page == ["# TYPE ns_a counter", "ns_a 1"]
    main = FakeServer({None: rows(("a", INT, ["3"]))})
    text = f"ns: {{query: SELECT, master: true, {metrics}}}"
    assert (await Collector(tmp_path, text, main, discover=True).page())[1:] == ["ns_a 3"]


WHERE = (
    ("role: primary", 150018, False, None),
    ("role: primary", 150018, True, Reason.ROLE),
    ("role: standby", 150018, False, Reason.ROLE),
    ("role: standby", 150018, True, None),
    ("min_version: 15", 150018, False, None),
    ("min_version: 16", 150018, False, Reason.VERSION),
    ("max_version: 15", 150018, False, None),
    ("max_version: 14", 150018, False, Reason.VERSION),
    ("min_version: 13, max_version: 15, role: standby", 150018, True, None),
)


@pytest.mark.parametrize(("key", "version", "standby", "reason"), WHERE)
async def test_on_which_servers(
    tmp_path: Path, key: str, version: int, *, standby: bool, reason: Reason | None
) -> None:
    server = FakeServer({None: rows(("m", INT, ["1"]))}, version, standby)
    collector = Collector(tmp_path, f"queries: {{q: {{query: SELECT, {key}, metrics: {{m: M.}}}}}}", server)

    if reason is None:
        assert (await collector.page())[1:] == ["m 1"]
        return
    with pytest.raises(Skip) as caught:
        await collector.page()
    assert caught.value.reason is reason
    assert "q.yml line 1" in str(caught.value)
    assert server.asked == []


async def test_a_failover_is_followed(tmp_path: Path) -> None:
    server = FakeServer({None: rows(("m", INT, ["1"]))}, standby=True)
    collector = Collector(tmp_path, "queries: {q: {query: SELECT, role: primary, metrics: {m: M.}}}", server)
    with pytest.raises(Skip):
        await collector.page()
    server.standby = False

    assert (await collector.page())[1:] == ["m 1"]


@pytest.mark.parametrize(("version", "sql"), [(130000, None), (140000, "SELECT 14"), (160004, "SELECT 16")])
async def test_sql_by_version(tmp_path: Path, version: int, sql: str | None) -> None:
    text = "queries: {q: {query: {14: SELECT 14, 16: SELECT 16}, metrics: {m: M.}}}"
    server = FakeServer({None: rows(("m", INT, ["1"]))}, version)
    collector = Collector(tmp_path, text, server)

    if sql is None:
        with pytest.raises(Skip, match="has no query for PostgreSQL 13"):
            await collector.page()
    else:
        await collector.page()
    assert [asked for asked, _, _ in server.asked] == ([] if sql is None else [sql])


async def test_upstreams_runonserver_takes_effect(tmp_path: Path) -> None:
    text = "ns: {query: SELECT, runonserver: '>=15.4.0', metrics: [{m: {usage: GAUGE}}]}"
    server = FakeServer({None: rows(("m", INT, ["1"]))}, 150003)
    with pytest.raises(Skip, match=r"meant for PostgreSQL >=15\.4\.0"):
        await Collector(tmp_path, text, server).page()
    server.version = 150004

    assert (await Collector(tmp_path, text, server).page())[1:] == ["ns_m 1"]


async def test_in_the_background_aside(tmp_path: Path) -> None:
    server = FakeServer({None: rows(("m", INT, ["1"]))})
    await Collector(
        tmp_path, "queries: {q: {query: SELECT, every_seconds: 60, metrics: {m: M.}}}", server
    ).page()

    assert server.asked == [("SELECT", None, True)]


async def test_a_slow_query_has_its_own_time_and_then_a_rest(tmp_path: Path) -> None:
    server = FakeServer({None: 5.0})
    collector = Collector(
        tmp_path, "queries: {q: {query: SELECT, timeout_seconds: 0.05, metrics: {m: M.}}}", server
    )
    for _ in range(3):
        with pytest.raises(DeadlineExceeded, match=r"not done after 0\.05 s, .* or set every_seconds"):
            await collector.page()

    assert len(server.asked) == 1


async def test_a_refused_query_rests_and_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str | None, Answer] = {None: Refused("no such table", Reason.UNSUPPORTED)}
    server = FakeServer(answers)
    collector = Collector(tmp_path, "queries: {q: {query: SELECT, metrics: {m: M.}}}", server)
    for _ in range(3):
        with pytest.raises(Refused, match="no such table"):
            await collector.page()
    assert len(server.asked) == 1

    answers[None] = rows(("m", INT, ["1"]))
    now = monotonic()
    monkeypatch.setattr(collect, "monotonic", lambda: now + collect.REST_SECONDS + 1)
    assert (await collector.page())[1:] == ["m 1"]


async def test_a_server_that_is_away_costs_no_rest(tmp_path: Path) -> None:
    answers: dict[str | None, Answer] = {None: Unavailable("away")}
    collector = Collector(tmp_path, "queries: {q: {query: SELECT, metrics: {m: M.}}}", FakeServer(answers))
    with pytest.raises(Unavailable):
        await collector.page()
    answers[None] = rows(("m", INT, ["1"]))

    assert (await collector.page())[1:] == ["m 1"]
