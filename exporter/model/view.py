"""Declarative PostgreSQL metrics: a view is one query, a metric is one line.

A `View` says once what stands in the SELECT list, in HELP and TYPE, in the catalogue, in
`explain` and in the recorded tests. `{first_major: sql}` covers added, renamed, moved and removed:
the entry of the newest major that is not above the server's applies; None means gone from there on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from exporter.model.collector import Cost
from exporter.model.metric import Kind, Metric

SUPPORTED_MAJORS = (13, 14, 15, 16, 17, 18)

ByMajor = Mapping[int, str | None]
Sql = str | ByMajor
Keys = tuple[str, ...] | None


def at(sql: Sql, major: int) -> str | None:
    """The SQL that applies to a server's major version; None if it has none there."""
    if isinstance(sql, str):
        return sql
    since = max((m for m in sql if m <= major), default=None)
    return None if since is None else sql[since]


def candidates(sql: Sql, major: int) -> list[str]:
    """All SQL that could apply to a server's major version, the likeliest first.

    An extension can be older than its server, so what was right on older majors comes behind.
    """
    if isinstance(sql, str):
        return [sql]
    return [text for m in sorted(sql, reverse=True) if m <= major and (text := sql[m]) is not None]


class Scope(StrEnum):
    """Where a view has to be read."""

    CLUSTER = "cluster"
    """Once for the server, in the main database."""
    DATABASE = "database"
    """In each database."""


@dataclass(frozen=True, slots=True)
class Label:
    """A column exposed as a label. NULL becomes `null`, upstream's convention for that metric."""

    name: str
    sql: Sql
    eg: str = field(kw_only=True)
    null: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class ViewMetric:
    """A column exposed as a value.

    Attributes:
        name: full metric name.
        sql: expression over the view's columns, in the unit of the name; a number or NULL.
        help: one sentence.
        eg: an example of the exposed value, for the catalogue and the fake server.
        by: the names of the labels that it has, where not all of the view's; the rows must be
            distinct in them.
        kind: its TYPE.
    """

    name: str
    sql: Sql
    help: str
    eg: float = field(kw_only=True)
    by: Keys = field(default=None, kw_only=True)
    kind: Kind = field(default=Kind.GAUGE, kw_only=True)


def Gauge(name: str, sql: Sql, help: str, *, eg: float, by: Keys = None) -> ViewMetric:
    """A value that goes up and down."""
    return ViewMetric(name, sql, help, eg=eg, by=by, kind=Kind.GAUGE)


def Counter(name: str, sql: Sql, help: str, *, eg: float, by: Keys = None) -> ViewMetric:
    """A value that only grows until a statistics reset."""
    return ViewMetric(name, sql, help, eg=eg, by=by, kind=Kind.COUNTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One query against one statistics view.

    Attributes:
        help: what it collects and from where, one sentence.
        source: what follows FROM, by major version.
        metrics: the value columns.
        labels: the label columns.
        docs: the page of the PostgreSQL documentation, as `monitoring-stats.html#...`.
        scope: once, or in each database. In the latter the label `datname` is the database's name
            where the view's labels include it.
        extension: the extension whose objects the source reads: it names them `EXTENSION.object`, and the
            schema that the extension is in takes that place. Without the extension the view is skipped.
        needs: the rights that it takes to see all: see `CollectorSpec`.
        default: on unless switched off.
        cost: decides who goes first.
        every_seconds: None to read it on the scrape, else the period of reading it in the background.
    """

    help: str
    source: Sql
    metrics: Sequence[ViewMetric]
    labels: Sequence[Label] = ()
    docs: str
    scope: Scope = Scope.CLUSTER
    extension: str = ""
    needs: Sequence[str] = ()
    default: bool = True
    cost: Cost = Cost.CHEAP
    every_seconds: float | None = None

    def metric(self, declared: ViewMetric) -> Metric:
        """One of its metrics without the SQL, with the labels of every major version."""
        labels = tuple(label.name for label in self.labels) if declared.by is None else declared.by
        return Metric(declared.name, declared.kind, declared.help, labels)

    def metrics_at(self, major: int) -> list[ViewMetric]:
        """The metrics that exist on this major version."""
        if at(self.source, major) is None:
            return []
        return [m for m in self.metrics if at(m.sql, major) is not None]

    def labels_at(self, major: int) -> list[Label]:
        """The labels that exist on this major version."""
        return [label for label in self.labels if at(label.sql, major) is not None]

    def sql(self, major: int) -> str | None:
        """The query for this major version: labels, then metrics, in the order of declaration.

        None where the view does not exist there.
        """
        metrics = self.metrics_at(major)
        if not metrics:
            return None
        columns = [f"{at(c.sql, major)} AS {c.name}" for c in self.labels_at(major)]
        columns += [f"{at(m.sql, major)} AS {m.name}" for m in metrics]
        return self.select(columns, major)

    def select(self, columns: Sequence[str], major: int) -> str:
        """A query for these columns of what it reads on this major version."""
        return "SELECT " + ",\n       ".join(columns) + f"\nFROM {at(self.source, major)}"
