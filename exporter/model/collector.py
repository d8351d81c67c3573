"""What a collector is: data about it, and how to build the function that collects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from exporter.model.deadline import Deadline
from exporter.model.metric import Metric
from exporter.model.table import Table


class Collected(list[Table]):
    """The tables of a run with more to say: how old the oldest of them are.

    Args:
        tables: as any run gives them.
        age: seconds; None for now.
    """

    def __init__(self, tables: Iterable[Table], age: float | None = None) -> None:
        super().__init__(tables)
        self.age = age


Collect = Callable[[Deadline], Awaitable[Sequence[Table]]]
"""One run: returns the tables, before the deadline.

Raises:
    Skip: nothing to collect here, as expected.
    Partial: some of it came.
    Exception: anything else is a failure of this collector alone; the engine catches it.
"""


class Cost(IntEnum):
    """How much a run asks of its target: cheap ones go first."""

    CHEAP = 0
    """Constant, or one row for each of a handful of things."""
    ROWS = 1
    """One row for each table, index, key ...: grows with the schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSpec:
    """A collector, as a file in `collectors/<family>/` declares it; the file's name is its name.

    Attributes:
        help: what it collects and from where, one sentence.
        source: the key of the source that it is given: `postgres`, `redis`, `host`, `pgbouncer`
            or `psycopg_pool`. Where that is not configured, the collector is off.
        metrics: all that it can export: the catalogue, and the lint of rules and dashboards.
        build: makes the collecting function from the source. State lives in what it returns.
        fallback: shown when a run gives nothing (`pg_up 0`): what is known without an answer.
        default: on unless switched off.
        cost: decides who goes first.
        every_seconds: None to run on the scrape; else the collector is costly: it runs in the
            background with this period, scrapes show its newest result, and its age is exported.
        series_limit: samples that a run may give, below the setting `scrape.series_limit`; None for that.
        needs: the rights in PostgreSQL without which it sees less, or nothing, each the narrowest there is: a
            predefined role, `pg_read_all_stats`, or a function that it calls, `pg_ls_waldir()`.
        docs: where its facts come from: a documentation page or a file.
        explain: how it collects on this target, for the command `explain`: given the server's
            major version (None where the source has none), returns the SQL, commands or files.
        view: the declaration that it was made from, if it was made from one.
    """

    help: str
    source: str
    metrics: Sequence[Metric]
    build: Callable[[Any], Collect]
    fallback: Sequence[Table] = ()
    default: bool = True
    cost: Cost = Cost.CHEAP
    every_seconds: float | None = None
    series_limit: int | None = None
    needs: Sequence[str] = ()
    docs: str = ""
    explain: Callable[[int | None], str] = field(default=lambda _major: "")
    view: Any = None


@dataclass(frozen=True, slots=True)
class Named:
    """A collector that was found: its name, its family, what it declares."""

    name: str
    family: str
    spec: CollectorSpec
