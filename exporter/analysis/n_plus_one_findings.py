"""What is said of N+1: the evidence, and what to write instead. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from exporter.analysis.features import features_of, rewritten_for_many
from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.facts.statement import Counters, StatementKey

SAME_AS_ROWS = (0.95, 1.05)
WARNING_SHARE = 0.1


def as_many_as_rows(for_a_row: float) -> bool:
    """Whether there is one call for each row."""
    return SAME_AS_ROWS[0] <= for_a_row <= SAME_AS_ROWS[1]


class Described(Protocol):
    """A statement without its counters: `Statement`, and what the history knows of one."""

    @property
    def text(self) -> str:
        """Redacted."""

    @property
    def tables(self) -> tuple[str, ...]:
        """The names that stand in it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A list and the statement that runs for each of its rows.

    Attributes:
        keys: of the child and of the list, its parent.
        fan_out: calls of the child for each call of the parent.
        for_a_row: calls of the child for each row that the parent gave.
        dispersion: as `dispersion.dispersion` has it.
        intervals: that were compared.
        foreign_key: whether one leads from one table to the other by the column that is looked up.
    """

    keys: tuple[StatementKey, StatementKey]
    fan_out: float
    for_a_row: float
    dispersion: float
    intervals: int
    foreign_key: bool = False

    @property
    def likely(self) -> bool:
        """Whether more than the regularity speaks for it."""
        return self.foreign_key or as_many_as_rows(self.for_a_row)

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Of several parents the one with the lowest is it."""
        return not as_many_as_rows(self.for_a_row), not self.foreign_key, self.dispersion


def pair_finding(
    pair: Pair,
    statements: Mapping[StatementKey, Described],
    counted: Counters,
    whole: Counters,
    seconds: float,
) -> Finding:
    """The finding of a pair.

    Args:
        pair: both statements.
        statements: their texts.
        counted: by the child.
        whole: by all statements of that database.
        seconds: in which that was counted.
    """
    child, parent = (statements[key] for key in pair.keys)
    word = "likely" if pair.likely else "suspected"
    evidence = [
        Evidence("calls for each call of the list", round(pair.fan_out, 2)),
        Evidence("calls for each row of the list", round(pair.for_a_row, 3)),
        Evidence("dispersion (independent requests: 1 or more)", round(pair.dispersion, 3)),
        Evidence("intervals compared", pair.intervals),
        *_shares(counted, whole, seconds),
    ]
    if pair.foreign_key:
        evidence.append(Evidence("a foreign key lies between both tables", "yes"))
    return Finding(
        kind=Kind.N_PLUS_ONE,
        rule="pair",
        severity=_severity(counted, whole),
        confidence=Confidence.HIGH if pair.likely else Confidence.MEDIUM,
        title=f"N+1 {word}: a lookup in {_table(child)} for each row of a list of {_table(parent)}",
        datname=pair.keys[0].datname,
        subject=_table(child),
        why=(
            f"One call of the list is followed by {pair.fan_out:.1f} lookups by"
            f" {features_of(child.text).lookup}, and that holds in every interval, whatever the load. Each of"
            " them is a round trip of its own, which the server's figures do not show."
        ),
        evidence=evidence,
        sql=_instead(child, _table(parent)),
        cost="A change of the application, none of the database.",
        statements=pair.keys,
        weight=counted.exec_ms / seconds if seconds else 0.0,
    )


def _shares(counted: Counters, whole: Counters, seconds: float) -> Iterator[Evidence]:
    yield Evidence("calls", counted.calls, "calls")
    yield Evidence("calls a second", round(counted.calls / seconds, 2) if seconds else 0.0, "1/s")
    yield Evidence("share of all calls", round(counted.calls / whole.calls, 3), "ratio")
    yield Evidence(
        "share of all time", round(counted.exec_ms / whole.exec_ms, 3) if whole.exec_ms else 0.0, "ratio"
    )


def _severity(counted: Counters, whole: Counters) -> Severity:
    most = max(counted.calls / whole.calls, counted.exec_ms / whole.exec_ms if whole.exec_ms else 0.0)
    return Severity.WARNING if most >= WARNING_SHARE else Severity.INFO


def _table(statement: Described) -> str:
    return statement.tables[0] if statement.tables else "?"


def _instead(child: Described, listed: str) -> tuple[str, ...]:
    many = rewritten_for_many(child.text, features_of(child.text).lookup or "")
    join = (
        f"-- Or a JOIN of {_table(child)} in the query of {listed}. What an ORM calls it: select_related and"
        " prefetch_related (Django), includes (Rails), selectinload (SQLAlchemy), JOIN FETCH (Hibernate)."
    )
    return f"-- Instead: once, with the keys of all rows of {listed} as one array.\n{many}", join
