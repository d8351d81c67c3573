"""Compares two stretches of time, statement by statement. Pure.

A statement has changed if all of this holds, and so may anybody check it by hand:

- both stretches have 30 calls of it or more;
- its mean differs by Welch's z test, two-sided, at 0.001 after Holm's correction for the number of statements
  that are compared;
- by 20 % or more, and by half a millisecond a call, or by 10 ms in each second of all its calls together;
- and by 20 % or more than all statements together: where the median statement takes 1.3 times as long, the
  machine is slower, and no statement is to blame. From 1.5 on that is a verdict of its own, if it comes to
  those 10 ms a second.

The test takes calls for independent. They are not quite (a stall hits several), which is what the practical
bounds are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import erfc, inf, sqrt
from statistics import median

from exporter.analysis.baseline.snapshot import Baseline, Measured
from exporter.facts.statement import Counters

LEAST_CALLS = 30
RELATIVE = 1.2
ABSOLUTE_MS = 0.5
MS_A_SECOND = 10.0
SIGNIFICANT = 0.001
LEAST_FOR_SHIFT = 5
SHIFTED = 1.5
LEAST_SHARE = 0.1


class Verdict(StrEnum):
    """What became of a statement, or of all."""

    WORSE = "worse"
    SAME = "same"
    BETTER = "better"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One statement in both stretches.

    Attributes:
        before, after: what it counted.
        ratio: of the means, after to before.
        probability: of such a difference without a cause, two-sided, after Holm's correction.
        effect: what it costs more, in milliseconds a second of all its calls; None without the time.
        verdict: whether it changed.
    """

    before: Measured
    after: Measured
    ratio: float
    probability: float
    effect: float | None
    verdict: Verdict = Verdict.SAME


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the server before and after; None where it is not known.

    Attributes:
        name: as people say it.
        unit: `1/s`, `ratio`, `bytes/s`, `ms/s`.
    """

    name: str
    unit: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two stretches side by side.

    Attributes:
        before, after: both.
        verdict: of all together.
        reason: one sentence why.
        shift: the median ratio of all statements that were compared; 1 with fewer than 5.
        changes: of these statements: what costs more goes first.
        too_few: how many statements ran in both, and too seldom to be compared.
        new, vanished: statements that only one of them has, the costliest first.
        figures: of the server.
        tables: those whose size changed by a tenth or more: `database.schema.table` -> bytes before, after.
    """

    before: Baseline
    after: Baseline
    verdict: Verdict
    reason: str
    shift: float
    changes: Sequence[Change]
    too_few: int
    new: Sequence[Measured]
    vanished: Sequence[Measured]
    figures: Sequence[Figure]
    tables: Mapping[str, tuple[int, int]]


def compare(before: Baseline, after: Baseline) -> Comparison:
    """What changed from one stretch of time to another."""
    old = {one.key: one for one in before.statements}
    new = {one.key: one for one in after.statements}
    both = [(old[key], new[key]) for key in old.keys() & new.keys()]
    enough = [pair for pair in both if all(one.counters.calls >= LEAST_CALLS for one in pair)]
    shift = _shift(enough)
    changes = _judged(_corrected([_change(*pair, shift, after.seconds) for pair in enough]), shift)
    verdict, reason = _overall(changes, shift, before, after)
    return Comparison(
        before=before,
        after=after,
        verdict=verdict,
        reason=reason,
        shift=shift,
        changes=sorted(changes, key=_weight),
        too_few=len(both) - len(enough),
        new=[one for key, one in new.items() if key not in old],
        vanished=[one for key, one in old.items() if key not in new],
        figures=list(_figures(before, after)),
        tables=_tables(before.table_bytes, after.table_bytes),
    )


def _shift(pairs: Sequence[tuple[Measured, Measured]]) -> float:
    ratios = [_ratio(before.counters, after.counters) for before, after in pairs]
    return median(ratios) if len(ratios) >= LEAST_FOR_SHIFT else 1.0


def _ratio(before: Counters, after: Counters) -> float:
    return after.mean_ms / before.mean_ms if before.mean_ms else inf if after.mean_ms else 1.0


def _change(before: Measured, after: Measured, shift: float, seconds: float | None) -> Change:
    old, new = before.counters, after.counters
    ratio = _ratio(old, new)
    more = new.mean_ms - old.mean_ms
    return Change(
        before=before,
        after=after,
        ratio=ratio,
        probability=_probability(old, new, _expected(ratio, shift)),
        effect=more * new.calls / seconds if seconds else None,
    )


def _expected(ratio: float, shift: float) -> float:
    """What all statements did, as far as it went the same way."""
    return max(1.0, shift) if ratio > 1 else min(1.0, shift)


def _probability(old: Counters, new: Counters, expected: float) -> float:
    """Welch's test of the difference of two means, the old one times what is expected anyway."""
    error = sqrt((expected * old.stddev_ms) ** 2 / old.calls + new.stddev_ms**2 / new.calls)
    difference = abs(new.mean_ms - expected * old.mean_ms)
    if not error:
        return 0.0 if difference else 1.0
    return erfc(difference / error / sqrt(2))


def _corrected(changes: Sequence[Change]) -> list[Change]:
    """Holm's correction: the smallest of n probabilities times n, the next times n - 1, ..."""
    ordered = sorted(changes, key=lambda change: change.probability)
    corrected, least = [], 0.0
    for place, change in enumerate(ordered):
        least = min(1.0, max(least, change.probability * (len(ordered) - place)))
        corrected.append(replace(change, probability=least))
    return corrected


def _judged(changes: Iterable[Change], shift: float) -> list[Change]:
    return [replace(change, verdict=_verdict(change, shift)) for change in changes]


def _verdict(change: Change, shift: float) -> Verdict:
    more = change.after.counters.mean_ms - change.before.counters.mean_ms
    felt = abs(more) >= ABSOLUTE_MS or abs(change.effect or 0.0) >= MS_A_SECOND
    if change.probability >= SIGNIFICANT or not felt:
        return Verdict.SAME
    expected = _expected(change.ratio, shift)
    if change.ratio >= RELATIVE * expected:
        return Verdict.WORSE
    return Verdict.BETTER if change.ratio <= expected / RELATIVE else Verdict.SAME


def _overall(
    changes: Sequence[Change], shift: float, before: Baseline, after: Baseline
) -> tuple[Verdict, str]:
    if not changes:
        return (
            Verdict.NOT_COMPARABLE,
            f"no statement has {LEAST_CALLS} calls or more in both stretches of time",
        )
    share = _share(changes, before, after)
    if share < LEAST_SHARE:
        return Verdict.NOT_COMPARABLE, f"what ran in both is {share:.0%} of the calls of one of them"
    worse, better = (sum(c.verdict is wanted for c in changes) for wanted in (Verdict.WORSE, Verdict.BETTER))
    if worse:
        return Verdict.WORSE, f"{_statements(worse)} slower than before, {better} faster"
    if better and shift < SHIFTED:
        return Verdict.BETTER, f"{_statements(better)} faster than before, none slower"
    return _by_shift(shift, changes)


def _by_shift(shift: float, changes: Sequence[Change]) -> tuple[Verdict, str]:
    """Where no statement stands out: whether all changed together, and one can feel it."""
    felt = abs(sum(change.effect or 0.0 for change in changes)) >= MS_A_SECOND
    if felt and shift >= SHIFTED:
        return Verdict.WORSE, f"all statements take {shift:.1f} times as long: the server or its machine"
    if felt and shift <= 1 / SHIFTED:
        return Verdict.BETTER, f"all statements take {shift:.0%} of the time: the server or its machine"
    return Verdict.SAME, f"{len(changes)} compared, and none differs by more than chance and 20 %"


def _statements(count: int) -> str:
    return "1 statement is" if count == 1 else f"{count} statements are"


def _share(changes: Sequence[Change], before: Baseline, after: Baseline) -> float:
    """The part of the calls that is compared, in the stretch where that is less."""
    shares = []
    for side, chosen in ((before, [c.before for c in changes]), (after, [c.after for c in changes])):
        whole = sum(one.counters.calls for one in side.statements)
        shares.append(sum(one.counters.calls for one in chosen) / whole)
    return min(shares)


def _weight(change: Change) -> tuple[int, float]:
    order = (Verdict.WORSE, Verdict.BETTER, Verdict.SAME).index(change.verdict)
    more = change.after.counters.mean_ms - change.before.counters.mean_ms
    return order, -abs(more * change.after.counters.calls)


def _figures(before: Baseline, after: Baseline) -> Iterable[Figure]:
    yield Figure("statements", "1/s", _calls(before), _calls(after))
    yield Figure("time of statements", "ms/s", _time(before), _time(after))
    yield Figure("transactions", "1/s", before.rate("xact_commit"), after.rate("xact_commit"))
    yield Figure("rolled back", "1/s", before.rate("xact_rollback"), after.rate("xact_rollback"))
    yield Figure("cache hit ratio", "ratio", before.cache_hit_ratio, after.cache_hit_ratio)
    yield Figure("temporary files", "bytes/s", before.rate("temp_bytes"), after.rate("temp_bytes"))
    yield Figure("deadlocks", "1/s", before.rate("deadlocks"), after.rate("deadlocks"))


def _calls(baseline: Baseline) -> float | None:
    return baseline.totals.calls / baseline.seconds if baseline.seconds else None


def _time(baseline: Baseline) -> float | None:
    return baseline.totals.exec_ms / baseline.seconds if baseline.seconds else None


def _tables(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    changed = {
        name: (before.get(name, 0), size)
        for name, size in after.items()
        if abs(size - before.get(name, 0)) > before.get(name, 0) / 10
    }
    return dict(sorted(changed.items(), key=lambda item: -abs(item[1][1] - item[1][0])))
