"""Runs cases against one input until its time is over, and keeps what went wrong."""

from __future__ import annotations

import random
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic, process_time

from exporter.model.errors import ExporterError
from tests.fuzz.mutate import spoilt

SLOW_SECONDS = 3.0
"""CPU time of one case that counts as a finding: something in it grows faster than its input."""
KEPT = 3
"""Findings of one kind that are shown."""

Try = Callable[[bytes], None]
"""Takes one case; raises `ExporterError` where the input is refused, and anything else for a defect."""


@dataclass(frozen=True, slots=True)
class Target:
    """One input.

    Attributes:
        name: of the input, for the table.
        corpus: what cases are made from: captured, or from the documentation.
        opened: gives what tries a case; left at the end.
        enough: cases of the short run in the suite: fewer where each takes long.
    """

    name: str
    corpus: Callable[[], Sequence[bytes]]
    opened: Callable[[], AbstractContextManager[Try]]
    enough: int = 100


@dataclass(slots=True)
class Outcome:
    """What became of the cases of one target.

    Attributes:
        accepted: cases that were read without an objection.
        refused: cases that ended in an error meant for the user, by its type.
        defects: what must not happen: (case, why), of each place a few.
        seconds: how long it ran.
    """

    name: str
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    defects: list[tuple[bytes, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def cases(self) -> int:
        """How many there were."""
        return self.accepted + self.refused.total() + len(self.defects)


def run(target: Target, seed: int, *, seconds: float, cases: int | None = None) -> Outcome:
    """Runs spoilt cases.

    Args:
        target: the input.
        seed: the same seed gives the same cases.
        seconds: when it ends at the latest.
        cases: when it ends; None for as many as there is time for.
    """
    rng = random.Random(f"{target.name} {seed}")
    outcome = Outcome(target.name)
    corpus = target.corpus()
    started = monotonic()
    places: Counter[str] = Counter()
    with target.opened() as attempt:
        while monotonic() - started < seconds and (cases is None or outcome.cases < cases):
            case = spoilt(rng, corpus)
            defect = _tried(attempt, case, outcome)
            if defect is not None:
                places[defect] += 1
                if places[defect] <= KEPT:
                    outcome.defects.append((case, defect))
    outcome.seconds = monotonic() - started
    return outcome


def _tried(attempt: Try, case: bytes, outcome: Outcome) -> str | None:
    """What is wrong with one case; None if nothing is."""
    before = process_time()
    try:
        attempt(case)
    except ExporterError as error:
        outcome.refused[type(error).__name__] += 1
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        *_, last = traceback.extract_tb(error.__traceback__)
        ours = [f for f in traceback.extract_tb(error.__traceback__) if "/exporter/" in f.filename]
        place = ours[-1] if ours else last
        return f"{type(error).__name__}: {str(error)[:200]} (line {place.lineno} of {place.filename})"
    else:
        outcome.accepted += 1
    took = process_time() - before
    return f"slow: {took:.1f} s of CPU" if took > SLOW_SECONDS else None
