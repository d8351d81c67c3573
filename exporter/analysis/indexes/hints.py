"""Indexes that HypoPG can't prove, and columns whose values are too unequal for a generic plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.indexes.access import Access
from exporter.analysis.indexes.advice import BUILDING, Scene
from exporter.analysis.indexes.candidate import Candidate, Key, create_statements
from exporter.analysis.indexes.catalog import Catalog
from exporter.analysis.indexes.coverage import covering
from exporter.analysis.indexes.looked import CHEAP, Looked
from exporter.analysis.plans.conditions import Term, Use
from exporter.facts.statement import StatementKey
from exporter.sql.identifiers import identifier, qualified

_COMMON = 0.5
"""Share of the rows with one value from which a column counts as skewed."""
_RARE = 0.05
"""Share of the expected rows below which the values that are asked for are rare ones."""
_SHORT = frozenset({"character varying", "text", "citext"})
_GIN_COST = f"A GIN index is large, often a third of the column and more, and slows down writes. {BUILDING}"
_RARE_COST = f"Like every index it slows down writes; one of the rare values alone is small. {BUILDING}"


def hints(seen: Sequence[Looked], served: Collection[StatementKey], scene: Scene) -> Iterator[Finding]:
    """What can be said without proof, one finding for each index.

    Args:
        seen: statements with their plans.
        served: those for which an index was chosen already.
        scene: the database, what is installed in it, and how long the statements were counted.
    """
    found: dict[tuple[Kind, Candidate], list[_Case]] = defaultdict(list)
    for looked in seen:
        for access in looked.accesses:
            if looked.plan.cost < CHEAP or not access.sequential or looked.statement.key in served:
                continue
            for term in access.unanswered:
                kind, candidate = _hint(term, looked, access)
                if candidate and not _is_there(candidate, scene.catalog):
                    found[kind, candidate].append(_Case(looked, access, term))
    for (kind, candidate), cases in found.items():
        yield _finding(kind, candidate, cases, scene)


class _Case(NamedTuple):
    """A condition of a statement that the index would answer."""

    looked: Looked
    access: Access
    term: Term


def _hint(term: Term, looked: Looked, access: Access) -> tuple[Kind, Candidate | None]:
    column, table = term.column, access.table.oid
    known = access.columns.get(column or "")
    if column is None or known is None or term.others:
        return Kind.MISSING_INDEX, None
    if term.use is Use.PATTERN and known.type.partition("(")[0] in _SHORT:
        key = Key(column, opclass="gin_trgm_ops")
        return Kind.TRIGRAM_INDEX, Candidate(table=table, keys=(key,), method="gin")
    if term.use is Use.CONTAINS and (opclass := _opclass(known.type, term.operator)) is not None:
        return Kind.GIN_INDEX, Candidate(table=table, keys=(Key(column, opclass=opclass),), method="gin")
    if term.use in {Use.EQUAL, Use.RANGE} and _asks_for_rare(looked, access, term):
        return Kind.MISSING_INDEX, Candidate(
            table=table, keys=(Key(column),), equal=int(term.use is Use.EQUAL)
        )
    return Kind.MISSING_INDEX, None


def _opclass(kind: str, operator: str) -> str | None:
    """The operator class for a type; None if GIN has none."""
    if kind == "jsonb":
        return "jsonb_path_ops" if operator in {"@>", "@?", "@@"} else ""
    if (kind.endswith("[]") and operator in {"@>", "&&"}) or (kind == "tsvector" and operator == "@@"):
        return ""
    return None


def _asks_for_rare(looked: Looked, access: Access, term: Term) -> bool:
    """Whether calls get far fewer rows than the planner expects without knowing the value.

    Only where one column alone decides: else nobody can tell which of the conditions it is.
    """
    counted, plan = looked.statement.counters, looked.plan
    if not counted.calls or plan.limited or not plan.whole or len(looked.plan.scans) != len(access.scans):
        return False
    if len({other.column for other in access.terms}) > 1 or access.alternatives:
        return False
    known = access.columns[term.column or ""].most_common_freq
    skewed = term.use is Use.RANGE or (known is not None and known >= _COMMON)
    return skewed and counted.rows / counted.calls <= access.expected * _RARE


def _is_there(candidate: Candidate, catalog: Catalog) -> bool:
    """Whether an index does it already, though the planner did not take it."""
    column = candidate.keys[0].column
    other = {"gin", "gist"} if candidate.method == "gin" else set()
    return covering(candidate, catalog) is not None or any(
        index.method in other and column in index.keys and index.valid
        for index in catalog.indexes.get(candidate.table, ())
    )


def _finding(kind: Kind, candidate: Candidate, cases: Sequence[_Case], scene: Scene) -> Finding:
    first = max(cases, key=lambda case: case.looked.statement.counters.exec_ms)
    table = scene.relations.tables[candidate.table]
    subject = qualified(table.schema, table.name)
    total = sum(case.looked.statement.counters.exec_ms for case in cases)
    statements = sorted((case.looked.statement for case in cases), key=lambda s: -s.counters.exec_ms)
    rare = kind is Kind.MISSING_INDEX
    rule = ("open_range" if first.term.use is Use.RANGE else "skewed_column") if rare else kind.value
    return Finding(
        kind=kind,
        rule=rule,
        severity=Severity.INFO,
        confidence=Confidence.LOW if rare else Confidence.MEDIUM,
        title=_title(kind, candidate, subject),
        datname=scene.relations.datname,
        subject=subject,
        why=_why(kind, candidate, first.term, scene),
        evidence=tuple(_evidence(first, candidate, total)),
        sql=tuple(_sql(kind, candidate, scene)),
        cost=_RARE_COST if rare else _GIN_COST,
        statements=tuple(statement.key for statement in statements),
        weight=total / scene.around.seconds if scene.around.seconds else total,
    )


def _title(kind: Kind, candidate: Candidate, subject: str) -> str:
    column = identifier(candidate.keys[0].column or "")
    if kind is Kind.MISSING_INDEX:
        return f"Few rows by {subject}.{column} are looked for without an index"
    what = "trigram index" if kind is Kind.TRIGRAM_INDEX else "GIN index"
    return f"A {what} on {subject} ({candidate.keys[0].sql}) may help"


def _why(kind: Kind, candidate: Candidate, term: Term, scene: Scene) -> str:
    column = identifier(candidate.keys[0].column or "")
    if kind is Kind.TRIGRAM_INDEX:
        there = "pg_trgm is installed" if _has_trigrams(scene) else "it needs the extension pg_trgm"
        return (
            f"A pattern is looked for in every row of {column}. An index of trigrams finds patterns with "
            f"three known characters in a row, also behind a wildcard; {there}. Unverified, as HypoPG has "
            "no GIN. For patterns that begin with letters a btree index with text_pattern_ops is smaller."
        )
    if kind is Kind.GIN_INDEX:
        return (
            f"Every row's {column} is searched with {term.operator}, which a GIN index answers. "
            "Unverified, as HypoPG has no GIN."
        )
    if term.use is Use.RANGE:
        return (
            f"By a bound of {column} the calls get far fewer rows than the third of the table that a plan "
            "for any value expects. That plan would not use an index; a plan for the real value would."
        )
    return (
        f"One value of {column} is in most rows, and the calls ask for others: they get far fewer rows than "
        "a plan for any value expects. That plan would not use an index; a plan for the real value would. "
        "If it is always the same rare value, a partial index of its rows is the smallest."
    )


def _has_trigrams(scene: Scene) -> bool:
    return scene.around.extensions is not None and "pg_trgm" in scene.around.extensions


def _evidence(case: _Case, candidate: Candidate, total: float) -> Iterator[Evidence]:
    counted = case.looked.statement.counters
    known = case.access.columns.get(candidate.keys[0].column or "")
    yield Evidence("calls", counted.calls, "calls")
    yield Evidence("time in all", total / 1000, "seconds")
    yield Evidence("rows of the table", round(case.access.rows), "rows")
    yield Evidence("rows of a call", round(counted.rows / counted.calls, 2) if counted.calls else 0, "rows")
    yield Evidence("rows expected by the planner", round(case.access.expected), "rows")
    if known and known.most_common_freq is not None and candidate.method == "btree":
        yield Evidence("share of the most common value", round(known.most_common_freq, 4), "ratio")
    if known and known.avg_width is not None and candidate.method == "gin":
        yield Evidence("mean width of the column", known.avg_width, "bytes")


def _sql(kind: Kind, candidate: Candidate, scene: Scene) -> Iterator[str]:
    table = scene.relations.tables[candidate.table]
    if kind is Kind.TRIGRAM_INDEX and not _has_trigrams(scene):
        yield "CREATE EXTENSION IF NOT EXISTS pg_trgm;"
    yield from create_statements(candidate, table, scene.relations)
    if kind is Kind.MISSING_INDEX and candidate.equal:
        on, column = qualified(table.schema, table.name), identifier(candidate.keys[0].column or "")
        yield f"-- or, for one rare value: CREATE INDEX CONCURRENTLY ON {on} (...) WHERE {column} = '...';"
