"""The figures: what fired in the quiet week, what each incident told whom, and how much of it was noise."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixin import rules
from tests.noise import replay
from tests.noise.incidents import INCIDENTS, Incident
from tests.noise.promtool import Firing
from tests.noise.replay import Told, Window
from tests.noise.week import QUIET

FILE = Path(__file__).parents[1] / "recorded" / "noise" / "results.json"

FOR_PEOPLE = ("critical", "warning", "info")
FLEET = 10
AFTER_MINUTES = 15
"""How long after an incident alerts may begin that are still about it."""


def results(firings: Sequence[Firing], step: int) -> dict[str, Any]:
    """All figures; replays take some minutes."""
    waited = [f for f in firings if f.pending and f.start in QUIET]
    firings = [f for f in firings if not f.pending]
    quiet = [f for f in firings if f.start in QUIET]
    strangers = [f for f in after_quiet(firings) if not cause_of(f)]
    false = replay.replay(replay.windows([*quiet, *strangers]), ["shipped"])
    parts = [incident_window(firings, incident) for incident in INCIDENTS]
    *told, of_fleet = replay.replay([*parts, fleet(parts[-1])], list(replay.VARIANTS))
    return {
        "step_minutes": step,
        "alerts": len([a for a in rules.alerts() if a.severity in FOR_PEOPLE]),
        "quiet": fired(quiet),
        "waited": fired(without(waited, quiet)),
        "strangers": fired(strangers),
        "false": dict(sum((Counter(one["shipped"].counts) for one in false), Counter())),
        "incidents": [
            of_incident(incident, part, by_variant)
            for incident, part, by_variant in zip(INCIDENTS, parts, told, strict=True)
        ],
        "fleet": {"stacks": FLEET, "told": counts(of_fleet)},
    }


def without(waited: Iterable[Firing], firings: Sequence[Firing]) -> list[Firing]:
    """Those that waited, and then did not fire."""
    began = {(f.labels, f.start) for f in firings}
    return [f for f in waited if (f.labels, f.end) not in began]


def after_quiet(firings: Iterable[Firing]) -> list[Firing]:
    """What begins in the days of the incidents."""
    return [f for f in firings if f.start >= QUIET.stop]


def cause_of(firing: Firing) -> Incident | None:
    """The incident that an alert is about: in it or shortly after; of spent budgets, the last before."""
    for incident in reversed(INCIDENTS):
        late = float("inf") if dict(firing.labels)["category"] == "slo" else AFTER_MINUTES
        if incident.span.start <= firing.start < incident.span.end + late:
            return incident
    return None


def incident_window(firings: Iterable[Firing], incident: Incident) -> Window:
    """The part of the timeline that is about it."""
    return replay.window(firings, incident.span.start, incident.span.end + AFTER_MINUTES)


def fired(firings: Iterable[Firing]) -> list[dict[str, Any]]:
    """Each alert entry for people that fired: how often, and for how many minutes."""
    by_entry: dict[tuple[str, str], list[Firing]] = defaultdict(list)
    for firing in firings:
        if firing.severity in FOR_PEOPLE:
            by_entry[firing.name, firing.severity].append(firing)
    return [
        {"alert": name, "severity": severity, "times": len(of), "minutes": sum(f.end - f.start for f in of)}
        for (name, severity), of in sorted(by_entry.items())
    ]


def of_incident(incident: Incident, part: Window, told: Mapping[str, Told]) -> dict[str, Any]:
    """One row of the table of incidents."""
    heard = told["shipped"].first.get((incident.receiver, incident.cause))
    return {
        "name": incident.name,
        "fired": fired(part.firings),
        "told": counts(told),
        "cause": incident.cause,
        "receiver": incident.receiver,
        "delay_minutes": None if heard is None else round(heard - incident.span.start, 1),
    }


def counts(told: Mapping[str, Told]) -> dict[str, dict[str, int]]:
    """Variant -> receiver -> notifications."""
    return {variant: dict(sorted(one.counts.items())) for variant, one in told.items()}


def fleet(part: Window) -> Window:
    """The same in several stacks at once, as when a rack loses power: they differ in `cluster`."""
    copies = [
        replace(firing, labels=firing.labels | {("cluster", f"shop-{number}")})
        for number in range(1, FLEET + 1)
        for firing in part.firings
    ]
    return replace(part, firings=copies)


def save(found: Mapping[str, Any], file: Path = FILE) -> None:
    """Writes the figures, for tests/docs/noise.py."""
    file.write_text(json.dumps(found, indent=1) + "\n")
