"""What to ask of a declared view on one server: SQL, and how its columns become tables.

As a rule that is what the declaration says for the server's major version. Where the server refuses it (an
extension older than the server, a managed service without some functions, a version newer than this
package, a missing right) every column is tried on its own: what works stays, the rest is left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from exporter.model.errors import Reason, Refused
from exporter.model.metric import Metric
from exporter.model.table import Column, Labels, Table
from exporter.model.view import Label, View, ViewMetric, candidates
from exporter.sources.postgres.rows import Rows

NOT_THERE = "NULL"
"""What stands for a label whose column the server lacks."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The metrics of a view that have the same labels: one table."""

    labels: tuple[Label, ...]
    label_columns: tuple[int, ...]
    metrics: tuple[Metric, ...]
    value_columns: tuple[int, ...]

    def table(self, rows: Rows) -> Table:
        """The group's part of the rows. NULL labels become what the declaration says."""
        columns = [
            _without_null(rows.columns[i], label.null)
            for i, label in zip(self.label_columns, self.labels, strict=True)
        ]
        labels: Sequence[Labels] = list(zip(*columns, strict=True)) if columns else [()] * rows.count
        values = [
            Column(metric, rows.columns[i])
            for i, metric in zip(self.value_columns, self.metrics, strict=True)
        ]
        return Table(tuple(label.name for label in self.labels), labels, values)


def _without_null(column: Sequence[str | None], null: str) -> Sequence[str]:
    if None in column:
        return [null if value is None else value for value in column]
    return column  # type: ignore[return-value]  # there is no None in it


@dataclass(frozen=True, slots=True)
class Plan:
    """One query and what becomes of its columns.

    Attributes:
        sql: the query; objects of an extension are named `EXTENSION.object`.
        groups: its tables.
        missing: why it is not all that the declaration has; None if it is.
    """

    sql: str
    groups: Sequence[_Group]
    missing: Refused | None = None

    def tables(self, rows: Rows) -> list[Table]:
        """The rows as tables."""
        return [group.table(rows) for group in self.groups]


def declared(view: View, major: int) -> Plan | None:
    """The plan as declared; None where the view does not exist on this major version."""
    sql = view.sql(major)
    if sql is None:
        return None
    return Plan(sql, _groups(view, view.labels_at(major), view.metrics_at(major)))


def _groups(view: View, labels: Sequence[Label], declared: Sequence[ViewMetric]) -> list[_Group]:
    metrics = [view.metric(m) for m in declared]
    groups = []
    for names in dict.fromkeys(metric.labels for metric in metrics):
        wanted = [(i, label) for i, label in enumerate(labels) if label.name in names]
        own = [(i, metric) for i, metric in enumerate(metrics, len(labels)) if metric.labels == names]
        groups.append(
            _Group(
                tuple(label for _, label in wanted),
                tuple(i for i, _ in wanted),
                tuple(metric for _, metric in own),
                tuple(i for i, _ in own),
            )
        )
    return groups


async def tried(view: View, major: int, fetch: Callable[[str], Awaitable[Rows]], refused: Refused) -> Plan:
    """The plan of all columns that this server gives, each asked for on its own.

    Args:
        view: the declaration.
        major: the server's major version.
        fetch: runs a query where the view is to be read.
        refused: what the server said to all of them together.

    Raises:
        Refused: it gives none; as given.
        SourceError: the trial was interrupted.
    """

    async def first(sql_candidates: Sequence[str]) -> str | Refused:
        error = refused
        for sql in sql_candidates:
            query = view.select([f"{sql} AS tried"], major)
            try:
                await fetch(f"SELECT * FROM ({query}) AS trial LIMIT 1")  # noqa: S608  # SQL of declarations
            except Refused as no:
                error = no
            else:
                return sql
        return error

    labels = view.labels_at(major)
    metrics = view.metrics_at(major)
    label_sql = [await first(candidates(label.sql, major)) for label in labels]
    metric_sql = [await first(candidates(metric.sql, major)) for metric in metrics]
    given = [(metric, sql) for metric, sql in zip(metrics, metric_sql, strict=True) if isinstance(sql, str)]
    if not given:
        raise refused
    columns = [
        f"{sql if isinstance(sql, str) else NOT_THERE} AS {label.name}"
        for label, sql in zip(labels, label_sql, strict=True)
    ]
    columns += [f"{sql} AS {metric.name}" for metric, sql in given]
    lost = [(label.name, sql) for label, sql in zip(labels, label_sql, strict=True)]
    lost += [(metric.name, sql) for metric, sql in zip(metrics, metric_sql, strict=True)]
    missing = _missing([(name, sql) for name, sql in lost if isinstance(sql, Refused)])
    return Plan(view.select(columns, major), _groups(view, labels, [metric for metric, _ in given]), missing)


def _missing(lost: Sequence[tuple[str, Refused]]) -> Refused | None:
    """One error for all columns that were left out: a missing right before a missing object."""
    if not lost:
        return None
    _, error = min(lost, key=lambda entry: entry[1].reason is not Reason.PERMISSION)
    names = ", ".join(name for name, _ in lost)
    return Refused(f"left out {names}: {error}", error.reason)
