"""What a user query is, whichever dialect it was written in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from exporter.collectors.user_queries.versions import Versions
from exporter.model.metric import Metric
from exporter.model.view import Sql

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")


class Read(StrEnum):
    """How a column becomes values."""

    NUMBER = "number"
    HISTOGRAM = "histogram"
    """An array of bounds; `<column>_bucket`, `_sum` and `_count` beside it have the rest."""
    MAPPED = "mapped"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """A column exposed as a metric.

    Attributes:
        column: its name in the result.
        metric: what it becomes.
        read: how.
        mapping: text -> value, for `Read.MAPPED`.
        line: where it is declared.
    """

    column: str
    metric: Metric
    read: Read = Read.NUMBER
    mapping: Mapping[str, float] = field(default_factory=dict)
    line: int = 0

    @property
    def columns(self) -> Sequence[str]:
        """All columns of the result that it is made of."""
        if self.read is not Read.HISTOGRAM:
            return (self.column,)
        return (self.column, *(f"{self.column}_{part}" for part in ("bucket", "sum", "count")))


@dataclass(frozen=True, slots=True, kw_only=True)
class UserQuery:
    """One query with what becomes of its result.

    Attributes:
        name: unique among all files of a configuration.
        where: file and line.
        help: what it collects.
        sql: the statement, by major version where they differ.
        labels: columns that become labels of that name, for each metric.
        values: columns that become metrics.
        discarded: columns that upstream's dialect tells to leave out.
        namespace: where it is not empty, the other columns of the result become untyped metrics
            `<namespace>_<column>`, NULL is NaN, and missing columns are none of our business: upstream's way.
        databases: whole names, as regular expressions; None for the main database alone.
        adds_datname: whether the label `datname` is added, because no column has it.
        on_primary: whether it runs on a primary only (True), on a standby only (False), or on both (None).
        versions: the servers that it runs on; None for all.
        series_limit: samples that a run may give; None for the setting `scrape.series_limit` alone.
        every_seconds: None to run on the scrape, else its period in the background.
        timeout_seconds: how long it may run.
    """

    name: str
    where: str
    help: str
    sql: Sql
    labels: tuple[str, ...] = ()
    values: tuple[ValueColumn, ...] = ()
    discarded: frozenset[str] = frozenset()
    namespace: str = ""
    databases: tuple[re.Pattern[str], ...] | None = None
    adds_datname: bool = False
    on_primary: bool | None = None
    versions: Versions | None = None
    series_limit: int | None = None
    every_seconds: float | None = None
    timeout_seconds: float = 2.0

    @property
    def all_labels(self) -> tuple[str, ...]:
        """The labels of its metrics in the order on the page."""
        return ("datname", *self.labels) if self.adds_datname else self.labels

    def wants(self, database: str) -> bool:
        """Whether it is to run in this database, of those that are read at all."""
        return any(pattern.fullmatch(database) for pattern in self.databases or ())


def timeout_of(given: float | None, every_seconds: float | None) -> float:
    """How long a query may run where nothing else is said: a page does not wait long, the background may."""
    if given:
        return given
    return ON_SCRAPE_SECONDS if every_seconds is None else BACKGROUND_SECONDS


ON_SCRAPE_SECONDS = 2.0
BACKGROUND_SECONDS = 30.0
