"""Runs a declared PostgreSQL view: asks for its rows, hands them on as tables."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Skip
from exporter.model.metric import Metric
from exporter.model.table import Column, Labels, Table
from exporter.model.view import SUPPORTED_MAJORS, Label, Scope, View
from exporter.sources.postgres.rows import Rows

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer


def view_collector(view: View) -> CollectorSpec:
    """The collector that a view declares."""
    return CollectorSpec(
        help=view.help,
        source="postgres",
        metrics=tuple(map(view.metric, view.metrics)),
        build=lambda server: ViewCollector(view, server).collect,
        default=view.default,
        cost=view.cost,
        every_seconds=view.every_seconds,
        docs=view.docs,
        explain=lambda major: view.sql(major or SUPPORTED_MAJORS[-1]) or "",
        view=view,
    )


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


def needed(view: View) -> str:
    """The versions that have what a view reads, as a sentence for a server that has not."""
    majors = [major for major in SUPPORTED_MAJORS if view.sql(major)]
    if majors[-1] < SUPPORTED_MAJORS[-1]:
        return f"needs PostgreSQL {majors[0]} to {majors[-1]}"
    return f"needs PostgreSQL {majors[0]} or newer"


def _without_null(column: Sequence[str | None], null: str) -> Sequence[str]:
    if None in column:
        return [null if value is None else value for value in column]
    return column  # type: ignore[return-value]  # there is no None in it


def groups_of(view: View, major: int) -> list[_Group]:
    """How the columns of the view's query on this major version become tables."""
    labels = view.labels_at(major)
    metrics = [view.metric(m) for m in view.metrics_at(major)]
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


class ViewCollector:
    """Collects one view from one server: once, or in each of its databases."""

    def __init__(self, view: View, server: PostgresServer) -> None:
        self._view = view
        self._server = server
        self._groups: dict[int, list[_Group]] = {}
        self._queries: dict[int, str] = {}

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """The view's tables.

        Raises:
            Skip: the server's version does not have the view.
            Partial: some databases did not answer.
        """
        if self._view.scope is Scope.CLUSTER:
            return self._tables(await self._server.fetch(self._sql, deadline))
        return await self._each_database(deadline)

    async def _each_database(self, deadline: Deadline) -> Sequence[Table]:
        names = await self._server.databases(deadline)
        fetches = (self._server.fetch(self._sql, deadline, database=name) for name in names)
        answers = await asyncio.gather(*fetches, return_exceptions=True)
        tables = [table for rows in answers if isinstance(rows, Rows) for table in self._tables(rows)]
        failed = [error for error in answers if isinstance(error, BaseException)]
        if failed and len(failed) == len(names):
            raise failed[0]
        if failed:
            raise Partial(tables, failed[0])
        return tables

    def _sql(self, major: int) -> str:
        sql = self._queries.get(major)
        if sql is None:
            sql = self._view.sql(major)
            if sql is None:
                raise Skip(Reason.VERSION, f"{needed(self._view)}, the server is {major}")
            self._queries[major] = sql
        return sql

    def _tables(self, rows: Rows) -> list[Table]:
        groups = self._groups.get(rows.major)
        if groups is None:
            groups = self._groups[rows.major] = groups_of(self._view, rows.major)
        return [group.table(rows) for group in groups]
