"""Shows what is collected under the names of earlier releases of postgres_exporter as well: pure.

Dashboards and alerts outlive releases. A name of before stands beside today's; where only the labels have
changed it takes its place, because both together would count everything twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from exporter.model.table import Column, Labels, Table, Value
from exporter.scrape.legacy_names import OLD_NAMES, QUERIES, Old


class LegacyNames:
    """The names of chosen releases.

    Args:
        releases: as `compat.legacy_names` has them: `0.10`; none for no old name.
    """

    def __init__(self, releases: Collection[str]) -> None:
        newest = max(set(releases) - QUERIES, key=_minor, default="")
        self._made_of: dict[str, list[Old]] = {}
        self._replaced: set[str] = set()
        for old in OLD_NAMES:
            replaces = old.metric.name in old.of
            # Of several releases the newest decides: what the others ask for can be summed up from it.
            if newest in old.releases if replaces else not old.releases.isdisjoint(releases):
                self._made_of.setdefault(old.of[0], []).append(old)
                self._replaced.update({old.metric.name} if replaces else ())

    def applied(self, tables: Iterable[Table]) -> Iterator[Table]:
        """The tables, each followed by what is made of it."""
        if not self._made_of:
            yield from tables
            return
        for table in tables:
            wanted = [old for c in table.columns for old in self._made_of.get(c.metric.name, ())]
            if self._replaced.isdisjoint(c.metric.name for c in table.columns):
                yield table
            else:
                kept = [c for c in table.columns if c.metric.name not in self._replaced]
                yield table._replace(columns=kept)
            yield from filter(None, (_made(old, table) for old in wanted))


def _minor(release: str) -> int:
    return int(release.partition(".")[2])


def _made(old: Old, table: Table) -> Table | None:
    """The old name's table; None where this one lacks a column or a label that it takes."""
    columns = {column.metric.name: column.values for column in table.columns if not column.suffix}
    today = tuple(old.renamed.get(label, label) for label in old.metric.labels)
    if not columns.keys() >= set(old.of) or not set(today) <= set(table.labels):
        return None
    places = [table.labels.index(label) for label in today]
    rows = table.rows if today == table.labels else [tuple(row[i] for i in places) for row in table.rows]
    values = columns[old.of[0]]
    if old.combine is not None:
        parts = zip(*(columns[name] for name in old.of), strict=True)
        values = [_combined(old, part) for part in parts]
    if old.merge is not None:
        rows, values = _merged(old, rows, values)
    return Table(old.metric.labels, rows, [Column(old.metric, values)], table.constant)


def _combined(old: Old, part: Sequence[Value]) -> Value:
    assert old.combine is not None
    known = [float(value) for value in part if value is not None]
    return old.combine(known) if len(known) == len(part) else None


def _merged(
    old: Old, rows: Sequence[Labels], values: Sequence[Value]
) -> tuple[Sequence[Labels], Sequence[Value]]:
    assert old.merge is not None
    groups: defaultdict[Labels, list[float]] = defaultdict(list)
    for row, value in zip(rows, values, strict=True):
        if value is not None:
            groups[row].append(float(value))
    return list(groups), [old.merge(group) for group in groups.values()]
