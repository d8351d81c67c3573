"""The result of one scrape: the only thing that crosses from collecting to showing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from exporter.model.errors import Reason
from exporter.model.table import Table


class State(StrEnum):
    """How a collector's run ended, as far as the scrape that reports it knows."""

    OK = "ok"
    FAILED = "failed"
    LATE = "late"
    SKIPPED = "skipped"


class Outcome(NamedTuple):
    """What became of one collector in one scrape.

    Attributes:
        collector: its name.
        family: `postgres`, `redis`, `host` or `pool`.
        state: how it ended.
        seconds: how long it ran, or has run so far.
        reason: why it is not `OK`, from the bounded list; None when it is.
        text: the same for people, with the remedy.
        last_success: Unix time of the newest run that ended well; None if there was none yet.
        age: seconds since the shown result was collected, for a collector that runs in the
            background, or of the oldest part where databases take turns; None for a result of now.
        period: seconds from one run to the next in the background; None for a run on the scrape.
    """

    collector: str
    family: str
    state: State
    seconds: float
    reason: Reason | None = None
    text: str = ""
    last_success: float | None = None
    age: float | None = None
    period: float | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All tables of one scrape, and what became of each collector.

    Attributes:
        taken_at: Unix time at which the scrape was answered.
        tables: in the order of the collectors.
        outcomes: one for each collector that the scrape asked for.
    """

    taken_at: float
    tables: Sequence[Table]
    outcomes: Sequence[Outcome]
