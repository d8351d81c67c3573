"""Tables that VACUUM and ANALYZE come too late for, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.analysis.advice.thresholds import Thresholds, thresholds
from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.wording import number, percent, size
from exporter.facts.relations import Relation, Relations
from exporter.facts.server import ServerFacts
from exporter.sql.identifiers import qualified

DUE_TIMES = 2.0
"""Autovacuum starts at 1; between two of its rounds a table may well go beyond that."""
LEAST_ROWS = 10_000
LEAST_INSERTED = 1_000_000
DEAD_RATIO = 0.2
LARGE_ROWS = 1_000_000
RECENT_SECONDS = 300.0
"""After an ANALYZE: counts of the sessions that made the changes may come in later than it."""
SETTLED_SECONDS = 3600.0
"""Before that a load of rows may simply be younger than the last round of autovacuum."""


def vacuum(relations: Relations, server: ServerFacts) -> Iterator[Finding]:
    """Dead rows, tables that autovacuum leaves alone, and old statistics for the planner.

    A standby counts neither dead rows nor VACUUM: nothing is said there.
    """
    if relations.is_standby:
        return
    for table in relations.tables.values():
        if table.kind == "p":
            yield from _partitioned(relations, server, table)
            continue
        limits = thresholds(table, server)
        yield from _dead(relations, table, limits)
        yield from _left_alone(relations, table, limits)
        yield from _inserted(relations, table, limits)
        yield from _analyze(relations, table, limits)


def settled(relations: Relations) -> bool:
    """Whether the statistics are old enough for autovacuum to have had its turn."""
    return (relations.statistics_seconds or 0.0) >= SETTLED_SECONDS


def _finding(
    relations: Relations, table: Relation, kind: Kind, said: tuple[str, str, str], **more: object
) -> Finding:
    rule, title, why = said
    fields: dict[str, object] = {
        "severity": Severity.INFO,
        "confidence": Confidence.HIGH,
        "datname": relations.datname,
        "subject": qualified(table.schema, table.name),
        "cost": COST,
    }
    return Finding(kind=kind, rule=rule, title=title, why=why, **(fields | more))  # type: ignore[arg-type]


COST = (
    "VACUUM and ANALYZE read the pages that changed, ANALYZE a sample of the others; they block neither "
    "queries nor writes. A changed storage parameter holds from the next round of autovacuum on."
)


def _dead(relations: Relations, table: Relation, limits: Thresholds) -> Iterator[Finding]:
    dead, ratio = table.n_dead_tup, table.n_dead_tup / max(limits.dead, 1.0)
    # A reset of the statistics forgets the live rows: what VACUUM and ANALYZE saw is there still.
    share = dead / max(dead + max(table.n_live_tup, table.rows or 0), 1)
    late = ratio > DUE_TIMES
    if not limits.enabled or dead < LEAST_ROWS or not (late or share >= DEAD_RATIO):
        return
    name = qualified(table.schema, table.name)
    cause = (
        "Autovacuum should have come long ago: it is off, its workers are busy elsewhere, or a long "
        "transaction keeps the rows."
        if late
        else "Autovacuum starts only when a share of the whole table is dead, which is much in a large one."
    )
    scale = _scale(table)
    yield _finding(
        relations,
        table,
        Kind.VACUUM_DEBT,
        (
            "dead_rows",
            f"Table {table.name} has {number(dead)} dead rows, {percent(share)} of it",
            f"{cause} Scans read dead rows too, and the table grows.",
        ),
        severity=Severity.WARNING if late and settled(relations) else Severity.INFO,
        evidence=[
            Evidence("dead rows", dead, "rows"),
            Evidence("part that is dead", round(share, 3), "ratio"),
            Evidence("dead rows at which autovacuum starts", round(limits.dead), "rows"),
            Evidence("times that it is due", round(ratio, 1)),
            *_last("VACUUM", relations, table.last_vacuum),
        ],
        sql=[f"VACUUM (ANALYZE) {name};", *scale],
        weight=float(dead),
    )


def _scale(table: Relation) -> list[str]:
    """A lower scale factor for a large table: it then comes more often and has less to do each time."""
    rows = table.rows or float(table.n_live_tup)
    if rows < LARGE_ROWS or "autovacuum_vacuum_scale_factor" in table.options:
        return []
    factor = 0.01 if rows >= 10 * LARGE_ROWS else 0.05
    name = qualified(table.schema, table.name)
    return [f"ALTER TABLE {name} SET (autovacuum_vacuum_scale_factor = {factor:g});"]


def _left_alone(relations: Relations, table: Relation, limits: Thresholds) -> Iterator[Finding]:
    if limits.enabled:
        return
    changed = table.n_tup_ins + table.n_tup_upd + table.n_tup_del
    much = table.n_dead_tup >= LEAST_ROWS and changed > 0
    name = qualified(table.schema, table.name)
    yield _finding(
        relations,
        table,
        Kind.VACUUM_DEBT,
        (
            "autovacuum_off",
            f"Autovacuum is switched off for table {table.name}",
            (
                "Nobody removes its dead rows or keeps its statistics fresh unless something else runs "
                "VACUUM and ANALYZE; only what prevents wraparound still comes, and has all to do at once."
            ),
        ),
        severity=Severity.WARNING if much else Severity.INFO,
        confidence=Confidence.PROVEN,
        evidence=[
            Evidence("autovacuum_enabled", table.options.get("autovacuum_enabled", "")),
            Evidence("dead rows", table.n_dead_tup, "rows"),
            Evidence("rows changed since the statistics began", changed, "rows"),
            *_last("VACUUM", relations, table.last_vacuum),
        ],
        sql=[
            f"ALTER TABLE {name} RESET (autovacuum_enabled);",
            *([f"VACUUM (ANALYZE) {name};"] if much else []),
        ],
        weight=float(table.n_dead_tup),
    )


def _inserted(relations: Relations, table: Relation, limits: Thresholds) -> Iterator[Finding]:
    inserted = table.n_ins_since_vacuum
    if limits.inserted is None or not limits.enabled or inserted < LEAST_INSERTED:
        return
    ratio = inserted / max(limits.inserted, 1.0)
    if ratio <= DUE_TIMES or not settled(relations):
        return
    name = qualified(table.schema, table.name)
    yield _finding(
        relations,
        table,
        Kind.VACUUM_DEBT,
        (
            "inserted_rows",
            f"Table {table.name} has {number(inserted)} rows that VACUUM has not seen",
            "Index-only scans must look at the table for them, and one day they are all frozen at once.",
        ),
        evidence=[
            Evidence("rows inserted since VACUUM", inserted, "rows"),
            Evidence("times that autovacuum is due", round(ratio, 1)),
            *_last("VACUUM", relations, table.last_vacuum),
        ],
        sql=[
            f"VACUUM {name};",
            f"ALTER TABLE {name} SET (autovacuum_vacuum_insert_scale_factor = 0.05);",
        ],
        weight=float(inserted),
    )


def _analyze(relations: Relations, table: Relation, limits: Thresholds) -> Iterator[Finding]:
    changed, rows = table.n_mod_since_analyze, max(table.rows or 0.0, float(table.n_live_tup))
    ratio = changed / max(limits.changed, 1.0)
    never = table.last_analyze is None and table.rows is None
    if not limits.enabled and not never:
        return  # that it is left alone is said
    if table.last_analyze is not None and relations.taken_at - table.last_analyze < RECENT_SECONDS:
        return
    if rows < LEAST_ROWS or (not never and (ratio <= DUE_TIMES or changed < LEAST_ROWS)):
        return
    name = qualified(table.schema, table.name)
    title = (
        f"Table {table.name} with {number(rows)} rows was never analyzed"
        if never
        else f"{number(changed)} rows of table {table.name} changed since ANALYZE"
    )
    yield _finding(
        relations,
        table,
        Kind.ANALYZE_DEBT,
        (
            "never_analyzed" if never else "old_statistics",
            title,
            "The planner guesses how many rows a condition finds, so it may take the wrong index or join.",
        ),
        severity=Severity.WARNING if settled(relations) and (never or changed > rows) else Severity.INFO,
        evidence=[
            Evidence("rows", round(rows), "rows"),
            Evidence("rows changed since ANALYZE", changed, "rows"),
            Evidence("times that autovacuum is due", round(ratio, 1)),
            Evidence("size", size(table.bytes)),
            *_last("ANALYZE", relations, table.last_analyze),
        ],
        sql=[f"ANALYZE {name};"],
        weight=rows,
    )


def _partitioned(relations: Relations, server: ServerFacts, table: Relation) -> Iterator[Finding]:
    """Autovacuum analyzes partitions, never the partitioned table, whose own statistics plans use as well."""
    parts = [part for part in relations.tables.values() if part.parent == table.oid]
    rows = sum(part.rows or 0.0 for part in parts)
    # PostgreSQL 13 does not record it.
    if server.major < 14 or table.rows is not None or rows < LEAST_ROWS:
        return
    name = qualified(table.schema, table.name)
    yield _finding(
        relations,
        table,
        Kind.ANALYZE_DEBT,
        (
            "partitioned",
            f"Partitioned table {table.name} was never analyzed",
            (
                "Autovacuum analyzes its partitions only. Joins and groups over all of them are planned with "
                "statistics of the whole, which only ANALYZE by hand makes."
            ),
        ),
        evidence=[Evidence("rows", round(rows), "rows"), Evidence("partitions", len(parts))],
        sql=[f"ANALYZE {name};"],
        cost="Reads a sample of every partition; blocks nobody. Worth repeating after each new partition.",
        weight=rows,
    )


def _last(what: str, relations: Relations, at: float | None) -> Sequence[Evidence]:
    if at is None:
        return [Evidence(f"last {what}", "never")]
    return [Evidence(f"last {what} ago", round(relations.taken_at - at), "seconds")]
