"""Which of many indexes: the best for a statement, and as few as possible for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from exporter.analysis.indexes.candidate import Candidate
from exporter.analysis.indexes.candidates import Proposal
from exporter.facts.statement import Statement

SAVES = 0.3
"""Share of a plan's cost that an index must save."""
_AS_GOOD = 1.1
_REMAINS = 0.02
"""The narrower index is taken if its plan costs so many times the best one, or differs by so much of the cost
without any: whether 99 or 99.5 percent are saved is not worth a wider index."""


class Trial(NamedTuple):
    """What indexes would do for one statement.

    Attributes:
        proposal: the indexes, which only help together.
        cost: of the plan with them.
        bytes: all of them, at most.
    """

    proposal: Proposal
    cost: float
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An index for a statement.

    Attributes:
        candidate: the index.
        statement: the statement.
        base: cost of its plan now.
        before: the same, or with the indexes that were chosen for it before this one.
        after: with this index too.
        bytes: of the index at most.
        proven: whether the server planned with it; else it is estimated.
    """

    candidate: Candidate
    statement: Statement
    base: float
    before: float
    after: float
    bytes: int
    proven: bool

    @property
    def saved(self) -> float:
        """Share of the cost that it saves, 0 to 1."""
        return max(0.0, (self.before - self.after) / self.base) if self.base else 0.0


def best(trials: Iterable[Trial], before: float) -> Trial | None:
    """The one to take: of those about as good as the best one the narrowest, then the smallest."""
    good = [trial for trial in trials if trial.cost <= before * (1 - SAVES)]
    if not good:
        return None
    least = min(trial.cost for trial in good)
    near = [trial for trial in good if trial.cost <= max(least * _AS_GOOD, least + before * _REMAINS)]
    return min(near, key=lambda trial: (_width(trial), trial.bytes, trial.cost))


def _width(trial: Trial) -> int:
    return sum(len(c.keys) + len(c.include) for c in trial.proposal)


def fewer(candidates: Sequence[Candidate]) -> Mapping[Candidate, Candidate]:
    """For each index the one that takes its place: itself, or a wider one that serves its statements too.

    (a, b) does what (a) does; where the order of two keys is free, the one that serves more is taken.
    """
    kept: list[Candidate] = []
    instead: dict[Candidate, Candidate] = {}
    for candidate in sorted(dict.fromkeys(candidates), key=lambda c: -len(c.keys)):
        for place, wide in enumerate(kept):
            if turned := serving(wide, candidate):
                kept[place] = turned
                instead = {old: turned if new == wide else new for old, new in instead.items()}
                instead[candidate] = turned
                break
        else:
            kept.append(candidate)
            instead[candidate] = candidate
    return instead


def serving(wide: Candidate, narrow: Candidate) -> Candidate | None:
    """The wider index, its free keys in another order if needed, if it does the narrower one's work."""
    if (wide.table, wide.predicate, wide.method) != (narrow.table, narrow.predicate, narrow.method):
        return None
    if len(wide.keys) < len(narrow.keys) or not set(narrow.include) <= {*wide.include, *wide.columns}:
        return None
    if wide.keys[: len(narrow.keys)] == narrow.keys:
        return wide
    free, asked = wide.keys[: wide.equal], narrow.keys[: narrow.equal]
    if len(asked) == len(narrow.keys) and set(asked) <= set(free):
        rest = tuple(key for key in free if key not in asked)
        # What is tied to the front now is free no more.
        return replace(wide, keys=(*asked, *rest, *wide.keys[wide.equal :]), equal=len(asked))
    if set(asked) == set(free) and narrow.keys[narrow.equal :] == wide.keys[wide.equal : len(narrow.keys)]:
        return wide
    return None
