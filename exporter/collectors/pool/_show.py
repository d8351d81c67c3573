"""Runs a declared SHOW command of PgBouncer: asks for its rows, hands them on as tables.

A metric is one line: the metric, and how its value is read from a row. Columns are found by name,
so a column that a version does not have gives no sample, and one that we don't know is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, Skip
from exporter.model.metric import Metric
from exporter.model.table import Column, Table, Value
from exporter.sources.pgbouncer import PgBouncerSource, Row

DOCS = "https://www.pgbouncer.org/usage.html#show-commands"

Read = Callable[[Row], Value]
"""Reads a metric's value from a row; None if the row does not say."""

LONGEST_NUMBER = 20
"""Digits of the largest number of 64 bits."""


def parsed(text: str | None) -> int | float | None:
    """A number as PgBouncer writes it; None if it is anything else."""
    if text is None:
        return None
    if text.isdigit() and text.isascii() and len(text) <= LONGEST_NUMBER:
        return int(text)
    whole, point, fraction = text.partition(".")
    digits = (whole.removeprefix("-"), *([fraction] if point else []))
    if not all(d.isdigit() and d.isascii() and len(d) <= LONGEST_NUMBER for d in digits):
        return None
    return float(text) if point else int(text)


def number(*columns: str) -> Read:
    """The number in the first of these columns that there is; a renamed column has several names."""
    first, *others = columns

    def read(row: Row) -> Value:
        if first in row or not others:
            return parsed(row.get(first))
        return parsed(next((row[column] for column in others if column in row), None))

    return read


def micros(column: str) -> Read:
    """A column of microseconds, in seconds."""
    whole = number(column)

    def read(row: Row) -> Value:
        value = whole(row)
        return value / 1_000_000 if isinstance(value, int | float) else None

    return read


def one(_row: Row) -> Value:
    """The value of an info metric."""
    return 1


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics that have the same labels.

    Attributes:
        labels: label -> the column that its value is from; NULL and a missing column become "".
        metrics: metric -> how its value is read; the metrics get the labels of the group.
    """

    labels: Mapping[str, str]
    metrics: Mapping[Metric, Read]

    def __post_init__(self) -> None:
        labels = tuple(self.labels)
        labelled = {metric._replace(labels=labels): read for metric, read in self.metrics.items()}
        object.__setattr__(self, "metrics", labelled)

    def table(self, rows: Sequence[Row]) -> Table:
        """The group's part of the rows."""
        labels = [tuple(row.get(column) or "" for column in self.labels.values()) for row in rows]
        columns = [Column(metric, [read(row) for row in rows]) for metric, read in self.metrics.items()]
        return Table(tuple(self.labels), labels, columns)


@dataclass(frozen=True, slots=True)
class Show:
    """A SHOW command and its metrics.

    Attributes:
        what: the command without SHOW.
        help: what is collected, one sentence.
        groups: its metrics by their labels.
        key: names the column of names of a command that answers with names and values
            (`list` and `items`): it is then read as one row with a column for each name.
        cost: `ROWS` where there is a row for each database, pool or client.
        since: the first version that knows the command, where 1.18 does not.
        max_age: seconds that the answer may be old.
    """

    what: str
    help: str
    groups: Sequence[Group]
    key: tuple[str, str] | None = None
    cost: Cost = Cost.ROWS
    since: str = ""
    max_age: float = 0.0

    def tables(self, rows: Sequence[Row]) -> list[Table]:
        """The rows of the command as tables."""
        if self.key is not None:
            name, value = self.key
            rows = [{row.get(name) or "": row.get(value) for row in rows}]
        return [group.table(rows) for group in self.groups]


def too_old(what: str, since: str) -> Skip:
    """The reason for having nothing where the version lacks the command, or its numbers."""
    return Skip(Reason.VERSION, f"SHOW {what} has this since PgBouncer {since}")


def show_collector(show: Show) -> CollectorSpec:
    """The collector that a SHOW command declares."""

    def build(server: PgBouncerSource) -> Collect:
        async def collect(deadline: Deadline) -> Sequence[Table]:
            try:
                return show.tables(await server.show(show.what, deadline, show.max_age))
            except Refused as error:
                if show.since and error.reason is Reason.UNSUPPORTED:
                    raise too_old(show.what, show.since) from error
                raise

        return collect

    return CollectorSpec(
        help=show.help,
        source="pgbouncer",
        metrics=tuple(metric for group in show.groups for metric in group.metrics),
        build=build,
        cost=show.cost,
        docs=DOCS,
        explain=lambda _major: f"SHOW {show.what}",
    )
