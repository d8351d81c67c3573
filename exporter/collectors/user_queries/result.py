"""The rows of a user query as tables: columns are found by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exporter.collectors.user_queries import convert
from exporter.collectors.user_queries.declared import METRIC_NAME, Read, UserQuery, ValueColumn
from exporter.collectors.user_queries.names import Names
from exporter.model.errors import Refused
from exporter.model.metric import Kind, Metric
from exporter.model.table import Column, Labels, Table, Value
from exporter.sources.postgres.rows import Rows

NAN = "NaN"


@dataclass(slots=True)
class Result:
    """The tables of one query in one database.

    Args:
        query: what was asked.
        rows: what came.
        names: which metric names are taken.
        constant: the labels that each row has.

    Attributes:
        problems: what could not be shown, each with the remedy.
    """

    query: UserQuery
    rows: Rows
    names: Names
    constant: tuple[tuple[str, str], ...] = ()
    problems: list[str] = field(default_factory=list)
    _at: Mapping[str, int] = field(init=False)
    _labels: Sequence[Labels] = field(init=False)

    def __post_init__(self) -> None:
        self._at = {name: i for i, name in enumerate(self.rows.names)}

    def tables(self) -> list[Table]:
        """The tables.

        Raises:
            Refused: a column is missing.
        """
        self._check_columns()
        columns = [convert.labels(*self._column(name)) for name in self.query.labels]
        self._labels = list(zip(*columns, strict=True)) if columns else [()] * self.rows.count
        tables: list[Table] = []
        plain: list[Column] = []
        for value in self.query.values:
            if not all(name in self._at for name in value.columns):
                continue
            if value.read is Read.HISTOGRAM:
                tables += self._histogram(value)
            else:
                plain.append(Column(value.metric, self._values(value)))
        plain += self._others()
        return [self._table(plain), *tables] if plain else tables

    def _check_columns(self) -> None:
        wanted = [*self.query.labels]
        if not self.query.namespace:
            wanted += [name for value in self.query.values for name in value.columns]
        missing = [name for name in wanted if name not in self._at]
        if missing:
            raise Refused(
                f"the result lacks {', '.join(missing)}; it has {', '.join(self.rows.names)}:"
                f" write `AS name` in the query, or mend {self.query.where}"
            )

    def _column(self, name: str) -> tuple[Sequence[str | None], int]:
        at = self._at[name]
        return self.rows.columns[at], self.rows.types[at]

    def _table(self, columns: Sequence[Column]) -> Table:
        return Table(self.query.labels, self._labels, columns, self.constant)

    @property
    def _null(self) -> Value:
        return NAN if self.query.namespace else None

    def _values(self, value: ValueColumn) -> list[Value]:
        column, oid = self._column(value.column)
        match value.read:
            case Read.MAPPED:
                values = convert.converted(column, convert.mapped(value.mapping), self._null)
            case Read.DURATION:
                values = convert.converted(column, convert.milliseconds, self._null)
            case _:
                values = convert.numbers(column, oid, self._null)
        if _unreadable(column, values):
            self.problems.append(
                f"column {value.column} has something that is no number: cast it in the query"
                " (extract(epoch from x) for an interval), or make it a label"
            )
        return values

    def _others(self) -> list[Column]:
        """Upstream's way with columns that are not declared: untyped, as far as they are numbers."""
        if not self.query.namespace:
            return []
        declared = {name for value in self.query.values for name in value.columns}
        declared |= self.query.discarded | {*self.query.labels}
        found = []
        for name in self._at.keys() - declared:
            metric = self._untyped(name)
            if metric is not None:
                values = convert.numbers(*self._column(name), self._null)
                found.append(Column(metric, values))
        return sorted(found, key=lambda column: column.metric.name)

    def _untyped(self, name: str) -> Metric | None:
        full = f"{self.query.namespace}_{name}"
        if not METRIC_NAME.fullmatch(full):
            return None
        text = f"Column {name} of the query {self.query.name}, which does not declare it."
        metric = Metric(full, Kind.UNTYPED, text, self.query.all_labels)
        refusal = self.names.claim(metric)
        if refusal:
            self.problems.append(f"column {name} is not declared, and {refusal}")
        return None if refusal else metric

    def _histogram(self, value: ValueColumn) -> list[Table]:
        """Bounds and counts of each row, and the row's sum and count."""
        rows: list[Labels] = []
        totals: list[tuple[Labels, Sequence[Value]]] = []
        counts: list[Value] = []
        columns = [self._column(name)[0] for name in value.columns]
        for labels, (bounds, buckets, total, count) in zip(
            self._labels, zip(*columns, strict=True), strict=True
        ):
            pairs = _buckets(bounds, buckets, count)
            if pairs is None:
                self.problems.append(
                    f"column {value.column}: expected an array of bounds, with an array of counts in"
                    f" {value.column}_bucket and numbers in {value.column}_sum and {value.column}_count"
                )
                continue
            rows += [(*labels, bound) for bound, _ in pairs]
            counts += [below for _, below in pairs]
            totals.append((labels, convert.numbers([total, count], 0, None)))
        sums = [
            Column(value.metric, [v[i] for _, v in totals], name) for i, name in enumerate(("_sum", "_count"))
        ]
        return [
            Table((*self.query.labels, "le"), rows, [Column(value.metric, counts, "_bucket")], self.constant),
            Table(self.query.labels, [labels for labels, _ in totals], sums, self.constant),
        ]


def _unreadable(column: Sequence[str | None], values: Sequence[Value]) -> bool:
    return any(v is None and text is not None for text, v in zip(column, values, strict=True))


def _buckets(bounds: str | None, counts: str | None, total: str | None) -> list[tuple[str, str]] | None:
    """(bound as Go writes it, count) from low to high, the infinite one last; None if they are no numbers."""
    low, each = convert.array(bounds), convert.array(counts)
    if low is None or each is None or convert.numbers([total], 0, None) == [None]:
        return None
    pairs = sorted((float(bound), count) for bound, count in zip(low, each, strict=False))
    written = [(convert.go_float(bound), count) for bound, count in pairs if bound != float("inf")]
    return [*written, ("+Inf", total or "0")]
