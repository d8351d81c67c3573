"""Anti-patterns: statements that cost more than they have to by the way they are written. Pure.

One file in this folder is a family of rules, found by listing it. Each has

    RULES    functions `Seen -> Finding | None`, one for each rule

and a rule says nothing unless the statement's own counters, its plan or its tables show that it costs
something: a text alone proves nothing. What a rule can't know is None, and then it says nothing either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from exporter.analysis.finding import Finding
from exporter.analysis.patterns._seen import Rule, Seen, tables_by_name
from exporter.facts.relations import Relations
from exporter.facts.statement import Statement, StatementKey


def anti_patterns(
    statements: Iterable[Statement],
    seconds: float | None = None,
    plans: Mapping[StatementKey, Mapping[str, Any]] | None = None,
    relations: Mapping[str, Relations] | None = None,
) -> Iterator[Finding]:
    """What each rule finds in each statement.

    Args:
        statements: with their counters; those that clients did not send are left out.
        seconds: in which the counters were counted; None if that is not known.
        plans: EXPLAIN's `Plan` object of those that have one.
        relations: of each database that was looked at.
    """
    plans = plans or {}
    tables = {name: tables_by_name(known) for name, known in (relations or {}).items()}
    for statement in statements:
        if not statement.toplevel or not statement.counters.calls:
            continue
        key = statement.key
        seen = Seen(statement, seconds, plans.get(key), tables.get(key.datname))
        for rule in rules():
            finding = rule(seen)
            if finding is not None:
                yield finding


@cache
def rules() -> tuple[Rule, ...]:
    """All rules of this folder."""
    names = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
    return tuple(rule for name in names for rule in import_module(f"{__name__}.{name}").RULES)
