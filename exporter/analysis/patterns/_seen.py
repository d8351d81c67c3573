"""One statement as a rule sees it: text, counters, plan and tables together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from exporter.analysis.features import Features, features_of
from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.plans.nodes import Node, nodes
from exporter.facts.relations import Relation, Relations
from exporter.facts.statement import Statement
from exporter.sql.identifiers import qualified

FEW_CALLS = 5
"""Below that many calls a mean says little, and somebody may have tried something by hand."""


Tables = Mapping[tuple[str, str], Sequence[Relation]]
"""Tables by schema and name, and by their name alone with an empty schema."""


def tables_by_name(relations: Relations) -> Tables:
    """The tables of a database as statements name them."""
    found: dict[tuple[str, str], list[Relation]] = defaultdict(list)
    for table in relations.tables.values():
        found[table.schema, table.name].append(table)
        found["", table.name].append(table)
    return dict(found)


# Not frozen with slots: what a rule asks for first is kept for the others.
@dataclass(frozen=True)
class Seen:
    """One statement with all that is known of it.

    Attributes:
        statement: with its counters.
        seconds: in which they were counted; None if that is not known.
        plan: EXPLAIN's `Plan` object; None without.
        known: the tables of its database; None if they were not read.
    """

    statement: Statement
    seconds: float | None
    plan: Node | None
    known: Tables | None

    @cached_property
    def text(self) -> Features:
        """What its text says."""
        return features_of(self.statement.text)

    @cached_property
    def nodes(self) -> Sequence[Node]:
        """All nodes of its plan, a parent before its children."""
        return list(nodes(self.plan)) if self.plan else []

    @cached_property
    def tables(self) -> Sequence[Relation]:
        """Its tables, those of the plan if there is one; only those that were read."""
        if self.known is None:
            return ()
        named = [(node.get("Schema", ""), node.get("Relation Name", "")) for node in self.nodes]
        if not self.nodes:
            named = [(schema, name) for schema, _, name in (t.rpartition(".") for t in self.statement.tables)]
        return [table for place in dict.fromkeys(named) for table in self.known.get(place, ())]

    def table_of(self, node: Node) -> Relation | None:
        """The table that a node scans; for a partition the partition."""
        wanted = (node.get("Schema"), node.get("Relation Name"))
        return next((t for t in self.tables if (t.schema, t.name) == wanted), None)

    @property
    def rows_per_call(self) -> float:
        """Rows that a call returned or changed."""
        return self.statement.counters.rows / self.statement.counters.calls

    @property
    def blocks_per_call(self) -> float:
        """Shared blocks that a call looked at."""
        counters = self.statement.counters
        return (counters.shared_blks_hit + counters.shared_blks_read) / counters.calls

    @property
    def calls_per_second(self) -> float | None:
        """How often it runs."""
        return self.statement.counters.calls / self.seconds if self.seconds else None

    @property
    def often(self) -> bool:
        """Whether it ran often enough to be part of an application."""
        return self.statement.counters.calls >= FEW_CALLS

    @property
    def mean_ms(self) -> float:
        """Milliseconds of a call."""
        return self.statement.counters.mean_ms

    @property
    def subject(self) -> str:
        """Its first table, as SQL writes it where the table was read."""
        if self.tables:
            largest = max(self.tables, key=lambda table: table.bytes)
            return qualified(largest.schema, largest.name)
        return self.statement.tables[0] if self.statement.tables else ""

    def finding(
        self,
        rule: str,
        title: str,
        why: str,
        *,
        evidence: Sequence[Evidence],
        sql: Sequence[str],
        cost: str = "A change of the application, none of the database.",
        severity: Severity = Severity.INFO,
        confidence: Confidence = Confidence.MEDIUM,
        subject: str = "",
    ) -> Finding:
        """A finding about this statement; its calls and time are evidence of every rule.

        The title gets the subject at its beginning where it does not say it.
        """
        counters, subject = self.statement.counters, subject or self.subject
        return Finding(
            kind=Kind.ANTI_PATTERN,
            rule=rule,
            severity=severity,
            confidence=confidence,
            title=title if subject in title else f"{subject}: {title}",
            datname=self.statement.key.datname,
            subject=subject,
            why=why,
            evidence=(
                *evidence,
                Evidence("calls", counters.calls, "calls"),
                Evidence("mean time of a call", round(counters.mean_ms / 1000, 6), "seconds"),
            ),
            sql=tuple(sql),
            cost=cost,
            statements=(self.statement.key,),
            weight=counters.exec_ms / self.seconds if self.seconds else 0.0,
        )


Rule = Callable[[Seen], Finding | None]
