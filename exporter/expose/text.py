"""Text format 0.0.4 from tables, a column at a time.

The label part of a row (`{datname="x",relname="y"} `) is made once and kept from page to page for as
long as the row is there; a column is then `name + labels + value` joined in C. On 300,000 samples
this is tens of times the rate of prometheus_client's writer, which builds every line on its own.

Source of the format: Prometheus documentation, "Exposition formats", text-based format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import add

from exporter.expose.merge import merge_rows
from exporter.model.metric import Metric
from exporter.model.table import Column, Labels, Table, Value

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Constant = tuple[tuple[str, str], ...]
Shape = tuple[tuple[str, ...], Constant]

PART_BYTES = 128 * 1024
"""Size of a page's parts: each costs a trip through the web server and the kernel."""

SMALL_ROWS = 10
"""Tables with so few rows keep their lines for the next page: what is collected in the background is the same
table until its next run, and has hundreds of columns (pg_settings)."""
MANY_TABLES = 1000
"""A page of so many keeps no lines: with hundreds of databases or targets that is memory, and no time."""

# How many pages a set of label names may be missing from before its rows are forgotten: with
# `collect[]` each page shows a part of the whole.
PAGES_KEPT = 20


def escape_label(value: str) -> str:
    """A label value as it stands between the quotes."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def escape_help(text: str) -> str:
    """A HELP text as it stands on its line."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


@dataclass(slots=True)
class _Kept:
    """The label parts of one set of label names, from the newest page that had it."""

    parts: dict[Labels, str]
    page: int


@dataclass(slots=True, eq=False)
class _Rows:
    """A table with the label parts of its rows; of a small one, with the lines of its columns as well."""

    table: Table
    parts: list[str]
    distinct: set[str]
    names: frozenset[str]
    constant_names: tuple[str, ...]
    compared: dict[_Rows, bool] = field(default_factory=dict)
    lines: dict[str, str] | None = None

    def overlaps(self, other: _Rows) -> bool:
        """Whether a row of the other table may have the same labels as one of this."""
        found = self.compared.get(other)  # tables of one view meet for each of its metrics
        if found is None:
            found = self.compared[other] = self._overlaps(other)
        return found

    def _overlaps(self, other: _Rows) -> bool:
        if self.names != other.names:
            return False
        mine, others = self.table, other.table
        if (mine.labels, mine.constant) == (others.labels, others.constant):
            return not self.distinct.isdisjoint(other.distinct)
        constant = dict(others.constant)
        return all(constant.get(name, value) == value for name, value in mine.constant)


_Family = list[tuple[_Rows, Column]]
"""The columns of one metric, in the order in which they came: one as a rule."""


class _Written:
    """The columns of one metric so far, found by what their labels can have in common with others'.

    With many targets on a page a metric has a column from each, and comparing each pair would take longer
    than writing them: constant labels of the same names and other values already keep two columns apart.
    """

    def __init__(self) -> None:
        self._found: dict[frozenset[str], dict[tuple[str, ...], dict[Constant, _Family]]] = {}

    def alike(self, rows: _Rows) -> _Family:
        """Those that may have a row with the same labels."""
        alike: _Family = []
        for names, by_constant in self._found.get(rows.names, {}).items():
            if names == rows.constant_names:
                alike += by_constant.get(rows.table.constant, ())
            else:
                alike += chain.from_iterable(by_constant.values())
        return alike

    def add(self, rows: _Rows, column: Column) -> None:
        """Notes one that is written."""
        by_names = self._found.setdefault(rows.names, {})
        by_constant = by_names.setdefault(rows.constant_names, {})
        by_constant.setdefault(rows.table.constant, []).append((rows, column))


class TextEncoder:
    """Writes pages, and keeps the label parts of rows between them.

    `encode` may run in a worker thread, but only once at a time.

    Attributes:
        duplicates: samples merged so far because their labels were on the page already.
    """

    def __init__(self) -> None:
        self._kept: dict[Shape, _Kept] = {}
        self._small: dict[int, _Rows] = {}
        self._headers: dict[str, tuple[Metric, str]] = {}
        self._page = 0
        self.duplicates = 0

    def encode(self, tables: Sequence[Table]) -> list[bytes]:
        """The page as parts of about `PART_BYTES`, its metrics in the order of their first appearance.

        All samples of a metric stand together whatever number of tables it came from. Samples with
        equal labels are merged: counters add up, of anything else the last one stays.
        """
        self._page += 1
        fresh: dict[Shape, dict[Labels, str]] = {}
        families: dict[str, _Family] = {}
        before, self._small = self._small, {}
        for table in tables:
            if table.rows:
                rows = before.get(id(table))
                if rows is None or rows.table is not table:
                    rows = self._distinct_rows(table, fresh)
                if len(rows.parts) <= SMALL_ROWS and len(tables) < MANY_TABLES:
                    self._small[id(table)] = rows
                    rows.lines = {} if rows.lines is None else rows.lines
                for column in rows.table.columns:
                    families.setdefault(column.metric.name, []).append((rows, column))
        self._keep(fresh)
        return list(self._parts(families))

    def _distinct_rows(self, table: Table, fresh: dict[Shape, dict[Labels, str]]) -> _Rows:
        parts = self._label_parts(table, fresh)
        distinct = set(parts)
        if len(distinct) != len(parts):
            table, merged = merge_rows(table)
            self.duplicates += merged
            parts = self._label_parts(table, fresh)
        constant_names = tuple(name for name, _ in table.constant)
        return _Rows(table, parts, distinct, frozenset((*table.labels, *constant_names)), constant_names)

    def _parts(self, families: Mapping[str, _Family]) -> Iterator[bytes]:
        """The page in parts. What is text already becomes bytes at once: a page is never held twice."""
        texts: list[str] = []
        size = 0
        for name, family in families.items():
            for text in self._family(name, family):
                texts.append(text)
                size += len(text)
                if size >= PART_BYTES:
                    yield "".join(texts).encode("utf-8", "backslashreplace")
                    texts, size = [], 0
        if texts:
            yield "".join(texts).encode("utf-8", "backslashreplace")

    def _family(self, name: str, family: _Family) -> Iterable[str]:
        """Header and lines of a metric; nothing if it has no value."""
        rows, column = family[0]
        header = self._header(column.metric)
        if len(family) > 1:
            return self._of_several(name, header, family)
        kept = rows.lines
        text = None if kept is None else kept.get(name)
        if text is None:
            lines = _lines(name + column.suffix, rows.parts, column.values)
            text = header + lines if lines else ""
            if kept is not None:
                kept[name] = text
        return (text,)

    def _of_several(self, name: str, header: str, family: _Family) -> Iterator[str]:
        """The lines of a metric, from each of its columns that has any; the header before the first."""
        written = _Written()
        for rows, given in family:
            column = self._without_repeated(rows, given, written.alike(rows))
            written.add(rows, column)
            chunk = _lines(name + column.suffix, rows.parts, column.values)
            if chunk:
                yield header + chunk
                header = ""

    def _without_repeated(
        self, rows: _Rows, column: Column, earlier: Sequence[tuple[_Rows, Column]]
    ) -> Column:
        for other, before in earlier:
            if before.suffix == column.suffix and rows.overlaps(other):
                column = self._without_seen(rows.table, column, other.table, before)
        return column

    def _without_seen(self, table: Table, column: Column, other: Table, earlier: Column) -> Column:
        """The column without the samples whose labels an earlier column of this metric has."""
        seen = {
            _key(other, row)
            for row, value in zip(other.rows, earlier.values, strict=True)
            if value is not None
        }
        repeated = [_key(table, row) in seen for row in table.rows]
        self.duplicates += sum(repeated)
        values = [None if again else v for v, again in zip(column.values, repeated, strict=True)]
        return Column(column.metric, values, column.suffix)

    def _header(self, metric: Metric) -> str:
        kept = self._headers.get(metric.name)
        if kept is not None and (kept[0] is metric or kept[0] == metric):
            return kept[1]
        header = f"# HELP {metric.name} {escape_help(metric.help)}\n# TYPE {metric.name} {metric.kind}\n"
        self._headers[metric.name] = metric, header
        return header

    def _label_parts(self, table: Table, fresh: dict[Shape, dict[Labels, str]]) -> list[str]:
        shape = (table.labels, table.constant)
        kept = self._kept.get(shape)
        old: Mapping[Labels, str] = kept.parts if kept else {}
        new = fresh.setdefault(shape, {})
        parts = []
        for row in table.rows:
            part = new.get(row)
            if part is None:
                part = new[row] = old.get(row) or _label_part(table.labels, row, table.constant)
            parts.append(part)
        return parts

    def _keep(self, fresh: dict[Shape, dict[Labels, str]]) -> None:
        for shape, parts in fresh.items():
            self._kept[shape] = _Kept(parts, self._page)
        for shape in [s for s, kept in self._kept.items() if self._page - kept.page > PAGES_KEPT]:
            del self._kept[shape]


def _label_part(names: tuple[str, ...], row: Labels, constant: Constant) -> str:
    pairs = [f'{name}="{escape_label(value)}"' for name, value in constant]
    pairs += [f'{name}="{escape_label(value)}"' for name, value in zip(names, row, strict=True)]
    return "{" + ",".join(pairs) + "} " if pairs else " "


def _key(table: Table, row: Labels) -> frozenset[tuple[str, str]]:
    """The labels of a row without their order: what makes two series the same."""
    return frozenset((*table.constant, *zip(table.labels, row, strict=True)))


def _lines(name: str, labels: Sequence[str], values: Sequence[Value]) -> str:
    """The sample lines of one column, without those whose value is unknown."""
    if len(values) == 1:
        return "" if values[0] is None else f"{name}{labels[0]}{values[0]}\n"
    if None in values:
        known = [(part, value) for part, value in zip(labels, values, strict=True) if value is not None]
        if not known:
            return ""
        labels, values = zip(*known, strict=True)
    texts = values if isinstance(values[0], str) else map(str, values)
    try:
        return name + ("\n" + name).join(map(add, labels, texts)) + "\n"
    except TypeError:  # text and numbers in one column
        return name + ("\n" + name).join(map(add, labels, map(str, values))) + "\n"
