"""What tables cost by how they are written: updates that touch every index."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.wording import DAY, MB, percent
from exporter.facts.relations import Relation, Relations
from exporter.sql.identifiers import qualified

SHORTEST_SECONDS = 3600.0
"""Rates are reckoned over this long at least: a few scans in the first minute say nothing."""
LEAST_UPDATES = 100_000
LEAST_UPDATES_A_DAY = 10_000
HOT_RATIO = 0.5
NEW_PAGE_RATIO = 0.3
FILLFACTOR_BYTES = 10 * MB


def updates(relations: Relations) -> Iterator[Finding]:
    """Tables whose updates move rows to other pages, so that every index is written too."""
    seconds = max(relations.statistics_seconds or 0.0, SHORTEST_SECONDS)
    for table in relations.tables.values():
        updated = table.n_tup_upd
        if updated < LEAST_UPDATES or updated / seconds * DAY < LEAST_UPDATES_A_DAY:
            continue
        if table.bytes < FILLFACTOR_BYTES or "fillfactor" in table.options:
            continue
        moved = table.n_tup_newpage_upd
        if table.n_tup_hot_upd / updated < HOT_RATIO and (moved is None or moved / updated >= NEW_PAGE_RATIO):
            yield _moved(relations, table)


def _moved(relations: Relations, table: Relation) -> Finding:
    name, hot = qualified(table.schema, table.name), table.n_tup_hot_upd / table.n_tup_upd
    moved = table.n_tup_newpage_upd
    evidence = [
        Evidence("rows updated", table.n_tup_upd, "rows"),
        Evidence("part that was HOT", round(hot, 3), "ratio"),
    ]
    if moved is not None:
        evidence.append(
            Evidence("part that went to another page", round(moved / table.n_tup_upd, 3), "ratio")
        )
    unsure = "" if moved is not None else " Or they change columns with an index: then this does not help."
    return Finding(
        kind=Kind.TABLE_BLOAT,
        rule="fillfactor",
        severity=Severity.INFO,
        confidence=Confidence.LOW if moved is None else Confidence.MEDIUM,
        title=f"Only {percent(hot)} of the updates of table {table.name} leave its indexes alone",
        datname=relations.datname,
        subject=name,
        why=(
            "Updates find no room on the page of the old row, so each writes to every index of the table "
            f"and leaves dead entries there. Some room on each page lets most of them stay.{unsure}"
        ),
        evidence=evidence,
        sql=[f"ALTER TABLE {name} SET (fillfactor = 90);"],
        cost="Holds for pages that are written from now on; the table gets a tenth larger in time.",
        weight=float(table.n_tup_upd - table.n_tup_hot_upd),
    )
