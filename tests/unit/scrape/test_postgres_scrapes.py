"""What is said of a scrape of PostgreSQL under upstream's names."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from exporter.model.collector import Collect, CollectorSpec, Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, Skip
from exporter.model.snapshot import Snapshot
from exporter.model.table import Table
from exporter.scrape.engine import Engine
from exporter.scrape.labels import report_labelled

Shown = dict[str, tuple[object, tuple[tuple[str, str], ...]]]


def collector(name: str, family: str, error: Exception | None = None) -> Named:
    async def collect(_deadline: Deadline) -> Sequence[Table]:
        if error is not None:
            raise error
        return []

    def build(_source: object) -> Collect:
        return collect

    return Named(name, family, CollectorSpec(help=name, source="s", metrics=(), build=build))


def shown(tables: Sequence[Table]) -> Shown:
    return {
        column.metric.name: (value, table.constant)
        for table in tables
        for column in table.columns
        for value in column.values
        if column.metric.name.startswith("pg_exporter_")
    }


async def scraped(*collectors: Named) -> Snapshot:
    engine = Engine(collectors, {"s": object()})
    await engine.scrape(Deadline.after(1))
    return await engine.scrape(Deadline.after(1))


@pytest.mark.parametrize(
    ("error", "expected"),
    [(None, 0), (Skip(Reason.VERSION, "old"), 0), (Refused("no", Reason.PERMISSION), 1), (ValueError(), 1)],
    ids=["well", "skipped", "refused", "broken"],
)
async def test_a_failed_collector_is_an_error_of_the_scrape(error: Exception | None, expected: int) -> None:
    found = shown((await scraped(collector("a", "postgres"), collector("b", "postgres", error))).tables)

    assert found["pg_exporter_last_scrape_error"] == (expected, ())
    assert found["pg_exporter_scrapes_total"] == (2, ())
    seconds, _ = found["pg_exporter_last_scrape_duration_seconds"]
    assert isinstance(seconds, float)
    assert 0 < seconds < 1


async def test_other_families_are_not_its_business() -> None:
    host = await scraped(collector("a", "host", ValueError()))
    both = await scraped(collector("a", "host", ValueError()), collector("b", "postgres"))

    assert shown(host.tables) == {}
    assert shown(both.tables)["pg_exporter_last_scrape_error"] == (0, ())


async def test_a_targets_labels_are_on_them() -> None:
    snapshot = await scraped(collector("postgres_up", "postgres"), collector("x", "host"))
    labels = (("target", "orders"),)

    found = shown(report_labelled(snapshot.tables, {"postgres_up": labels, "x": ()}, labels))

    assert {constant for _, constant in found.values()} == {labels}
    assert len(found) == 3
