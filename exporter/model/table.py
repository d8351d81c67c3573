"""Collected values by column: all metrics of a view share the labels of its rows.

This shape is what makes the page cheap: the encoder writes the labels of a row once and
joins a whole column at a time. The types are named tuples because hundreds of them are made for each
scrape, and a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from exporter.model.metric import Metric

Value = int | float | str | None
"""A sample's value. `str` is a number as its source wrote it (PostgreSQL's text), passed on
unparsed; `None` is unknown: no sample, never 0."""

Labels = tuple[str, ...]
"""The label values of one row, in the order of `Table.labels`. Any text: the encoder escapes."""


class Column(NamedTuple):
    """One metric over all rows of a table.

    Attributes:
        metric: what the values are.
        values: one for each row.
        suffix: what the sample's name has beyond the metric's: `_bucket`, `_sum` and `_count` of
            histograms and summaries, else empty.
    """

    metric: Metric
    values: Sequence[Value]
    suffix: str = ""


class Table(NamedTuple):
    """Rows that share their label names.

    Attributes:
        labels: label names; a name that starts with `_` is not allowed.
        rows: the label values of each row; `[()]` for the one row of a table without labels.
        columns: the metrics, each with as many values as there are rows.
        constant: labels with the same value on each row, written before the others.
    """

    labels: tuple[str, ...]
    rows: Sequence[Labels]
    columns: Sequence[Column]
    constant: tuple[tuple[str, str], ...] = ()

    @property
    def series(self) -> int:
        """How many samples the table can give: rows times columns."""
        return len(self.rows) * len(self.columns)


def single(values: Mapping[Metric, Value] | Iterable[tuple[Metric, Value]]) -> Table:
    """A table of one row without labels: metric -> value."""
    pairs = values.items() if isinstance(values, Mapping) else values
    return Table((), [()], [Column(metric, (value,)) for metric, value in pairs])


def info(metric: Metric, labels: Mapping[str, str]) -> Table:
    """A table with the one sample `metric{labels} 1`."""
    return Table(tuple(labels), [tuple(labels.values())], [Column(metric, (1,))])


def by_row(
    labels: tuple[str, ...], metrics: Sequence[Metric], rows: Iterable[tuple[Labels, Sequence[Value]]]
) -> Table:
    """A table from rows: each is (label values, one value for each of `metrics`)."""
    pairs = list(rows)
    columns = zip(*(values for _, values in pairs), strict=True) if pairs else ((),) * len(metrics)
    return Table(
        labels,
        [row for row, _ in pairs],
        [Column(metric, values) for metric, values in zip(metrics, columns, strict=True)],
    )
