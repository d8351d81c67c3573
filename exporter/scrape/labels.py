"""Labels with one value on each series of a source: what its collectors give, and what is said of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from exporter.model.collector import Collect, Collected, Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial
from exporter.model.table import Column, Table
from exporter.scrape.report import COLLECTOR
from exporter.scrape.report import METRICS as REPORTED

Constant = tuple[tuple[str, str], ...]
"""Names and values, as in `Table.constant`."""

OF_THE_FORMAT = frozenset({"le", "quantile"})


def with_constant(tables: Iterable[Table], constant: Constant) -> list[Table]:
    """The tables with more constant labels. Where a table has one of that name, its own stays."""
    return [_with_constant(table, constant) for table in tables]


def _with_constant(table: Table, constant: Constant) -> Table:
    own = {*table.labels, *dict(table.constant)}
    more = tuple(pair for pair in constant if pair[0] not in own)
    return table._replace(constant=(*more, *table.constant))


def labelled(named: Named, constant: Constant) -> Named:
    """The collector with constant labels on all that it gives, whole or in part, and on its fallback."""
    spec = named.spec

    def build(source: object) -> Collect:
        collect = spec.build(source)

        async def collect_labelled(deadline: Deadline) -> Sequence[Table]:
            try:
                tables = await collect(deadline)
            except Partial as some:
                tables = with_constant(some.tables, constant)
                raise Partial(tables, some.error, logged=some.logged) from some.error
            age = tables.age if isinstance(tables, Collected) else None
            return Collected(with_constant(tables, constant), age)

        return collect_labelled

    fallback = with_constant(spec.fallback, constant)
    return replace(named, spec=replace(spec, build=build, fallback=fallback))


def report_labelled(
    tables: Iterable[Table], of: Mapping[str, Constant], postgres: Constant = ()
) -> list[Table]:
    """The tables, those that report on collectors parted by the labels of the collectors.

    Args:
        tables: of one snapshot.
        of: collector -> its constant labels.
        postgres: those of PostgreSQL, for reports that name no collector: upstream's are about it alone.
    """
    found: list[Table] = []
    for table in tables:
        if not table.columns or table.columns[0].metric not in REPORTED:
            found.append(table)
        elif table.labels[:1] == COLLECTOR:
            found += _parted(table, of)
        else:
            found.append(_with_constant(table, postgres))
    return found


def _parted(table: Table, of: Mapping[str, Constant]) -> Iterable[Table]:
    groups: dict[Constant, list[int]] = {}
    for number, (collector, *_) in enumerate(table.rows):
        groups.setdefault(of.get(collector, ()), []).append(number)
    for constant, numbers in groups.items():
        columns = [Column(c.metric, [c.values[n] for n in numbers], c.suffix) for c in table.columns]
        yield Table(table.labels, [table.rows[n] for n in numbers], columns, (*constant, *table.constant))


def metric_labels(collectors: Collection[Named]) -> dict[str, frozenset[str]]:
    """Source -> the labels that metrics about it have of their own, the reports on its collectors too."""
    reported = OF_THE_FORMAT.union(*(metric.labels for metric in REPORTED))
    found: dict[str, frozenset[str]] = {}
    for named in collectors:
        labels = (metric.labels for metric in named.spec.metrics)
        found[named.spec.source] = found.get(named.spec.source, reported).union(*labels)
    return found
