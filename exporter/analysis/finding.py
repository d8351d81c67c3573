"""What an analysis gives: findings, each with its evidence in numbers and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from exporter.facts.statement import StatementKey


class Severity(StrEnum):
    """How much it matters, the worst first."""

    CRITICAL = "critical"
    """Users feel it now, or the server will stop."""
    WARNING = "warning"
    """It costs something that can be measured, or soon will."""
    INFO = "info"
    """Worth knowing; nothing is wrong."""


class Confidence(StrEnum):
    """How sure it is, the surest first."""

    PROVEN = "proven"
    """The server itself says so: a catalog entry, or a plan with a hypothetical index."""
    HIGH = "high"
    """Figures that leave little room."""
    MEDIUM = "medium"
    """An estimate, marked as unverified."""
    LOW = "low"
    """A hint: look at it."""


class Kind(StrEnum):
    """What was found."""

    MISSING_INDEX = "missing_index"
    COVERING_INDEX = "covering_index"
    TRIGRAM_INDEX = "trigram_index"
    GIN_INDEX = "gin_index"
    UNUSED_INDEX = "unused_index"
    DUPLICATE_INDEX = "duplicate_index"
    INVALID_INDEX = "invalid_index"
    UNINDEXED_FOREIGN_KEY = "unindexed_foreign_key"
    TABLE_BLOAT = "table_bloat"
    INDEX_BLOAT = "index_bloat"
    VACUUM_DEBT = "vacuum_debt"
    ANALYZE_DEBT = "analyze_debt"
    WRAPAROUND = "wraparound"
    SEQUENTIAL_SCANS = "sequential_scans"
    CACHE_MISSES = "cache_misses"
    SETTING = "setting"
    CLIENT = "client"
    SLOW_STATEMENT = "slow_statement"
    N_PLUS_ONE = "n_plus_one"
    ANTI_PATTERN = "anti_pattern"
    REGRESSION = "regression"


INDEXES = frozenset(
    {
        Kind.MISSING_INDEX,
        Kind.COVERING_INDEX,
        Kind.TRIGRAM_INDEX,
        Kind.GIN_INDEX,
        Kind.UNUSED_INDEX,
        Kind.DUPLICATE_INDEX,
        Kind.INVALID_INDEX,
        Kind.UNINDEXED_FOREIGN_KEY,
        Kind.INDEX_BLOAT,
    }
)
"""What is about indexes."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number or fact that a finding rests on.

    Attributes:
        name: what it is, as people say it: `scans since the statistics began`.
        value: a number in the unit, or a short text; never a literal of a query.
        unit: `seconds`, `bytes`, `rows`, `ratio`, `calls`, `1/s`, ... empty for plain numbers and texts.
    """

    name: str
    value: float | int | str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found, and what to do about it.

    Attributes:
        kind: what it is.
        rule: which of several rules of that kind: `leading_wildcard`, `shared_buffers`; else the kind.
        severity: how much it matters.
        confidence: how sure it is.
        title: one line, without full stop.
        datname: the database; empty where it is about the server.
        subject: what it is about: `schema.table`, `schema.index`, a setting, a role; as SQL writes it.
        why: one to three sentences: what happens, and what that means.
        evidence: the numbers.
        sql: ready statements, in their order; comments where something must be decided before.
        cost: what doing it would cost: locks, time, disk, writes; empty where there is nothing to do.
        statements: those that it concerns, the costliest first.
        weight: orders findings of one severity: milliseconds a second that it costs, bytes, ... by kind.
        index_columns: of the index that it wants, its keys in their order; empty where it wants none.
    """

    kind: Kind
    rule: str = ""
    severity: Severity
    confidence: Confidence
    title: str
    datname: str = ""
    subject: str = ""
    why: str
    evidence: Sequence[Evidence] = ()
    sql: Sequence[str] = ()
    cost: str = ""
    statements: Sequence[StatementKey] = ()
    weight: float = 0.0
    index_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not looked at, so that silence is never taken for health.

    Attributes:
        what: what is missing from the analysis: `plans`, `N+1`.
        why: the reason, a sentence.
        remedy: what would change that, SQL or a setting; empty if nothing would.
        datname: the database, where it is about one and `what` does not say so.
    """

    what: str
    why: str
    remedy: str = ""
    datname: str = ""


_NAMED = 3


def together(gaps: Iterable[Gap]) -> list[Gap]:
    """The same with one for all databases that lack the same for the same reason."""
    databases: dict[Gap, list[str]] = {}
    for gap in gaps:
        names = databases.setdefault(replace(gap, datname=""), [])
        if gap.datname and gap.datname not in names:
            names.append(gap.datname)
    return [replace(gap, what=f"{gap.what}{_in(names)}") for gap, names in databases.items()]


def _in(databases: Sequence[str]) -> str:
    if not databases:
        return ""
    more = len(databases) - _NAMED
    names = ", ".join(databases[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    return f" in database{'s' if len(databases) > 1 else ''} {names}"


_ORDER = {severity: place for place, severity in enumerate(Severity)}


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """The worst first; within a severity the heaviest of each kind, in the order of the kinds."""
    kinds = {kind: place for place, kind in enumerate(Kind)}
    return sorted(
        findings, key=lambda f: (_ORDER[f.severity], kinds[f.kind], -f.weight, f.datname, f.subject)
    )
