"""Findings about missing indexes out of what was chosen for statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.indexes.candidate import Candidate, create_statements
from exporter.analysis.indexes.catalog import Catalog
from exporter.analysis.indexes.coverage import broken, outdone
from exporter.analysis.indexes.selection import Choice
from exporter.analysis.indexes.updates import updated_columns
from exporter.analysis.wording import size
from exporter.facts.relations import Relation, Relations
from exporter.facts.statement import Statement
from exporter.sql.identifiers import identifier, qualified
from exporter.sql.literals import without_literals

MOST_FOR_A_TABLE = 5
"""The most for one table: what it costs to write weighs against each, but estimates err together."""
_WRITE_MS = 0.02
"""Milliseconds that one more index costs an INSERT."""
_LONG_ENOUGH = 86_400.0
"""Seconds of statistics from which a rate of writes tells of more than how the data was loaded."""
_MATTERS = 10.0
"""Milliseconds a second, one percent of a processor, from which it is a warning."""
BUILDING = (
    "Building it reads the table twice and waits for older transactions; reads and writes go on meanwhile "
    "(lock: SHARE UPDATE EXCLUSIVE)."
)


class Surroundings(NamedTuple):
    """What else an advice depends on.

    Attributes:
        seconds: of the time that the statements' counters are of; None if that is not known.
        random_page_cost: the server's setting.
        extensions: those that are installed in the database; None if that is not known.
    """

    seconds: float | None = None
    random_page_cost: float = 4.0
    extensions: frozenset[str] | None = None


class Scene(NamedTuple):
    """Where findings are made: the relations and all statements of the database, and the surroundings."""

    catalog: Catalog
    statements: Sequence[Statement]
    around: Surroundings

    @property
    def relations(self) -> Relations:
        """The relations."""
        return self.catalog.relations


class Writes(NamedTuple):
    """What changes a table, and so its indexes.

    Attributes:
        per_second: rows that come, or are updated where HOT is not possible; None if the statistics are
            younger than a day.
        hot_ratio: share of the updates that touched no index; None without updates.
        updated: columns of the index that known statements update.
    """

    per_second: float | None
    hot_ratio: float | None
    updated: tuple[str, ...]


def missing_index_findings(choices: Sequence[Choice], scene: Scene) -> Iterator[Finding]:
    """One finding for each index, at most five for a table: those that save most."""
    by_candidate: dict[Candidate, list[Choice]] = defaultdict(list)
    for choice in choices:
        by_candidate[choice.candidate].append(choice)
    weighed = [
        (saved_ms(chosen, scene.around) - penalty_ms(candidate, scene), candidate, chosen)
        for candidate, chosen in by_candidate.items()
    ]
    given: dict[int, int] = defaultdict(int)
    for weight, candidate, chosen in sorted(weighed, key=lambda each: -each[0]):
        given[candidate.table] += 1
        if weight > 0 and given[candidate.table] <= MOST_FOR_A_TABLE:
            yield _finding(candidate, chosen, weight, scene)


def saved_ms(choices: Sequence[Choice], around: Surroundings) -> float:
    """Milliseconds a second that an index would save; of the whole time if that is not known."""
    saved = sum(choice.saved * choice.statement.counters.exec_ms for choice in choices)
    return saved / around.seconds if around.seconds else saved


def penalty_ms(candidate: Candidate, scene: Scene) -> float:
    """Milliseconds a second that writes would take longer."""
    return (writes_of(candidate, scene).per_second or 0.0) * _WRITE_MS if scene.around.seconds else 0.0


def writes_of(candidate: Candidate, scene: Scene) -> Writes:
    """The writes that would have to change the index."""
    relations, statements = scene.relations, scene.statements
    table = relations.tables[candidate.table]
    parts = [table, *(part for part in relations.tables.values() if part.parent == table.oid)]
    ins, upd, hot = (sum(getattr(p, n) for p in parts) for n in ("n_tup_ins", "n_tup_upd", "n_tup_hot_upd"))
    updated = tuple(c for c in candidate.columns if c in updated_columns(table, statements))
    rows = ins + upd - (0 if updated else hot)
    seconds = relations.statistics_seconds
    rate = rows / seconds if seconds and seconds >= _LONG_ENOUGH else None
    return Writes(rate, hot / upd if upd else None, updated)


def _finding(candidate: Candidate, chosen: Sequence[Choice], weight: float, scene: Scene) -> Finding:
    relations, around = scene.relations, scene.around
    table = relations.tables[candidate.table]
    subject = qualified(table.schema, table.name)
    proven = all(choice.proven for choice in chosen)
    writes = writes_of(candidate, scene)
    chosen = sorted(chosen, key=lambda choice: -choice.statement.counters.exec_ms)
    return Finding(
        kind=Kind.MISSING_INDEX,
        rule="missing_index",
        severity=Severity.WARNING if weight >= _MATTERS or not around.seconds else Severity.INFO,
        confidence=Confidence.PROVEN if proven else Confidence.MEDIUM,
        title=f"Missing index on {subject} {candidate.shown}",
        datname=relations.datname,
        subject=subject,
        why=_why(chosen, table, proven=proven),
        evidence=tuple(evidence_of(chosen, table, writes)),
        sql=tuple(sql_of(candidate, table, scene.catalog)),
        cost=cost_of(chosen[0].bytes, writes),
        statements=tuple(choice.statement.key for choice in chosen),
        weight=weight,
        index_columns=() if candidate.predicate else candidate.columns,
    )


def _why(chosen: Sequence[Choice], table: Relation, *, proven: bool) -> str:
    many, name = len({choice.statement.key for choice in chosen}), identifier(table.name)
    what = f"{many} statements read more of {name} than they need"
    what = f"One statement reads more of {name} than it needs" if many == 1 else what
    first = chosen[0]
    if proven:
        return (
            f"{what}. Asked with this index as a hypothetical one, the planner uses it, and the plan's cost "
            f"goes from {first.before:,.0f} to {first.after:,.0f}."
        )
    return (
        f"{what}. By an estimate, unverified as HypoPG is not installed, this index would bring the plan's "
        f"cost from {first.before:,.0f} to {first.after:,.0f}."
    )


def evidence_of(chosen: Sequence[Choice], table: Relation, writes: Writes) -> Iterator[Evidence]:
    """The numbers, those of the costliest statement where they are of one."""
    first = chosen[0]
    yield Evidence("calls", sum(choice.statement.counters.calls for choice in chosen), "calls")
    yield Evidence("time in all", sum(c.statement.counters.exec_ms for c in chosen) / 1000, "seconds")
    yield Evidence("mean time of a call", first.statement.counters.mean_ms / 1000, "seconds")
    yield Evidence("plan cost now", round(first.before, 2))
    yield Evidence(f"plan cost with the index{'' if first.proven else ', unverified'}", round(first.after, 2))
    if table.rows is not None:
        yield Evidence("rows of the table", round(table.rows), "rows")
    yield Evidence("size of the index at most", first.bytes, "bytes")
    if writes.per_second is not None:
        yield Evidence("rows written that need an index entry", round(writes.per_second, 3), "1/s")
    if writes.hot_ratio is not None:
        yield Evidence("updates that touch no index (HOT)", round(writes.hot_ratio, 3), "ratio")


def sql_of(candidate: Candidate, table: Relation, catalog: Catalog) -> Iterator[str]:
    """What creates the index; a comment where another one has nothing to do then."""
    if (other := broken(candidate, catalog)) is not None:
        yield "-- The index is there, but invalid."
        yield f"REINDEX INDEX CONCURRENTLY {qualified(other.schema, other.name)};"
        return
    statements = create_statements(candidate, table, catalog.relations)
    if candidate.shown == candidate.body:
        yield from statements
    else:
        yield "-- With the values of the view or function that it is for in the place of each ?:"
        yield from (f"-- {without_literals(statement)}" for statement in statements)
    for index in outdone(candidate, catalog):
        name = qualified(index.schema, index.name)
        yield f"-- {name} has nothing then that the new index does not have: look at it after some days."


def cost_of(bytes_: int, writes: Writes) -> str:
    """What creating and having it costs, in sentences."""
    sentences = [f"Disk: {size(bytes_)} at most.", BUILDING]
    if writes.per_second:
        sentences.append(f"From then on {writes.per_second:,.2g} written rows a second need one more entry.")
    if writes.updated:
        names = ", ".join(map(identifier, writes.updated))
        share = f", as {writes.hot_ratio:.0%} are now" if writes.hot_ratio else ""
        sentences.append(f"Updates of {names} can't be HOT any more{share}.")
    return " ".join(sentences)
