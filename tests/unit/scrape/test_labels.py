"""Constant labels: on what a source's collectors give, whole or in part, and on what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from exporter.expose.text import TextEncoder
from exporter.model.collector import Collected, CollectorSpec, Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Unavailable
from exporter.model.metric import counter, gauge
from exporter.model.snapshot import Snapshot
from exporter.model.table import Column, Table, single
from exporter.scrape.engine import Engine, EngineOptions
from exporter.scrape.labels import labelled, metric_labels, report_labelled, with_constant

UP = gauge("x_up", "Up.")
ROWS = gauge("x_rows", "Rows.", ("name",))
LABELS = (("env", "prod"), ("team", 'the "a"'))


def collector(name: str, run: Callable[[], Sequence[Table]], source: str = "postgres") -> Named:
    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return run()

    spec = CollectorSpec(
        help="Test.",
        source=source,
        metrics=(UP, ROWS),
        build=lambda _source: collect,
        fallback=(single({UP: 0}),),
    )
    return Named(name, source, spec)


async def scrape(*collectors: Named, limit: int = 100) -> Snapshot:
    sources: dict[str, Any] = {"postgres": object(), "redis": object()}
    return await Engine(collectors, sources, EngineOptions(limit)).scrape(Deadline.after(1))


def lines(tables: Sequence[Table], name: str) -> list[str]:
    page = b"".join(TextEncoder().encode(tables)).decode()
    return [line for line in page.splitlines() if line.startswith(name)]


def rows(*names: str) -> Table:
    return Table(("name",), [(name,) for name in names], [Column(ROWS, [1] * len(names))])


def fail() -> Sequence[Table]:
    raise Unavailable("away")


def half() -> Sequence[Table]:
    raise Partial([rows("a")], Unavailable("the other half"))


async def test_what_came_has_the_labels() -> None:
    snapshot = await scrape(labelled(collector("c", lambda: [rows("a", "b"), single({UP: 1})]), LABELS))

    assert lines(snapshot.tables, "x_") == [
        'x_rows{env="prod",team="the \\"a\\"",name="a"} 1',
        'x_rows{env="prod",team="the \\"a\\"",name="b"} 1',
        'x_up{env="prod",team="the \\"a\\""} 1',
    ]


@pytest.mark.parametrize(("run", "expected"), [(fail, ["x_up"]), (half, ["x_rows"])])
async def test_what_came_instead_has_them_too(
    run: Callable[[], Sequence[Table]], expected: list[str]
) -> None:
    snapshot = await scrape(labelled(collector("c", run), LABELS))
    found = lines(snapshot.tables, "x_")

    assert [line.partition("{")[0] for line in found] == expected
    assert all('env="prod"' in line for line in found)
    assert "half" in snapshot.outcomes[0].text or "away" in snapshot.outcomes[0].text


async def test_the_series_limit_keeps_them() -> None:
    named = labelled(collector("c", lambda: [rows("a", "b", "c")]), LABELS)

    assert len(lines((await scrape(named, limit=2)).tables, 'x_rows{env="prod"')) == 2


async def test_the_declaration_stays_as_it_was() -> None:
    named = collector("c", fail)
    labelled(named, LABELS)

    assert named.spec.fallback == (single({UP: 0}),)


def test_a_label_of_the_table_stays() -> None:
    table = rows("a")._replace(constant=(("server", "s"),))
    (found,) = with_constant([table], (("name", "x"), ("server", "y"), ("env", "prod")))

    assert found.constant == (("env", "prod"), ("server", "s"))
    assert lines([found], "x_") == ['x_rows{env="prod",server="s",name="a"} 1']


async def test_reports_are_parted_by_the_labels_of_their_collectors() -> None:
    snapshot = await scrape(
        collector("ok", lambda: [single({UP: 1})]),
        collector("bad", fail),
        collector("other", lambda: [single({UP: 1})], "redis"),
    )
    tables = report_labelled(snapshot.tables, {"ok": LABELS, "bad": LABELS}, LABELS)

    assert sorted(lines(tables, "exporter_collector_success")) == [
        'exporter_collector_success{collector="other",family="redis"} 1',
        'exporter_collector_success{env="prod",team="the \\"a\\"",collector="bad",family="postgres"} 0',
        'exporter_collector_success{env="prod",team="the \\"a\\"",collector="ok",family="postgres"} 1',
    ]
    assert lines(tables, "exporter_collector_skipped") == [
        (
            'exporter_collector_skipped{env="prod",team="the \\"a\\"",'
            'collector="bad",family="postgres",reason="unavailable"} 1'
        )
    ]
    assert lines(tables, "pg_scrape_collector_success")[0].startswith(
        'pg_scrape_collector_success{env="prod"'
    )


async def test_reports_lose_nothing() -> None:
    snapshot = await scrape(collector("ok", list), collector("bad", fail, "redis"))
    before = lines(snapshot.tables, "")
    after = lines(report_labelled(snapshot.tables, {"ok": (), "bad": LABELS}), "")

    assert before
    assert sorted(line.replace('env="prod",team="the \\"a\\"",', "") for line in after) == sorted(before)


def test_the_labels_of_metrics_by_source() -> None:
    one = collector("one", fail)
    other = Named("two", "redis", CollectorSpec(
        help="Test.", source="redis", metrics=(counter("y_total", "Y.", ("db", "cmd")),),
        build=lambda _source: None,  # type: ignore[arg-type,return-value]
    ))  # fmt: skip
    found = metric_labels([one, other])

    assert found["postgres"] >= {"name", "collector", "family", "reason", "le", "quantile"}
    assert found["redis"] >= {"db", "cmd", "collector"}
    assert "db" not in found["postgres"]


async def test_what_a_run_says_of_its_age_stays() -> None:
    snapshot = await scrape(labelled(collector("old", lambda: Collected([rows("a")], age=7.5)), LABELS))

    assert lines(snapshot.tables, "exporter_collector_age_seconds") == [
        'exporter_collector_age_seconds{collector="old",family="postgres"} 7.5'
    ]
    assert lines(snapshot.tables, "x_rows") == ['x_rows{env="prod",team="the \\"a\\"",name="a"} 1']
