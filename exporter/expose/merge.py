"""What to do when two rows of a table have the same labels: one series must come out of them."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model.metric import Kind
from exporter.model.table import Column, Labels, Table, Value


def merge_rows(table: Table) -> tuple[Table, int]:
    """The table with distinct rows, and how many rows were merged into others.

    Counters add up, because each row counted something of its own; of anything else the last
    known value stays.
    """
    rows = list(dict.fromkeys(table.rows))
    columns = [Column(c.metric, _merge_column(c, table.rows, rows), c.suffix) for c in table.columns]
    return Table(table.labels, rows, columns, table.constant), len(table.rows) - len(rows)


def _merge_column(column: Column, rows: Sequence[Labels], distinct: list[Labels]) -> list[Value]:
    merged: dict[Labels, Value] = dict.fromkeys(distinct)
    adds = column.metric.kind in (Kind.COUNTER, Kind.HISTOGRAM, Kind.SUMMARY)
    for row, value in zip(rows, column.values, strict=True):
        old = merged[row]
        if value is None:
            continue
        merged[row] = _sum(old, value) if adds and old is not None else value
    return list(merged.values())


def _sum(a: Value, b: Value) -> Value:
    total = float(a or 0) + float(b or 0)
    return int(total) if total.is_integer() and abs(total) < 2**53 else total
