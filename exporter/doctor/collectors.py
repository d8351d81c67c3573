"""What became of the collectors, as findings: one for each cause, not one for each collector."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exporter.collectors.user_queries import PREFIX
from exporter.doctor.finding import Finding, Notes, Severity
from exporter.doctor.trial import Trial
from exporter.model.errors import Reason
from exporter.model.snapshot import Outcome, State

RIGHTS = ("GRANT pg_monitor", "ACL SETUSER")
"""How a remedy begins that gives all the rights that collectors need."""
DENIED = re.compile(r"permission denied for \w+ ([^\s:]+)")
"""What PostgreSQL says where one right is missing."""
TOO_MANY = "too many connections for role"
"""What it says beyond the role's connection limit."""


def judge(target: str, trials: Sequence[Trial], known: Sequence[Finding] = ()) -> list[Finding]:
    """The findings about the collectors of one target that was reached.

    Args:
        target: as in `Finding`.
        trials: one run of each of its collectors.
        known: what has been found already; a collector that failed because of it is left out.
    """
    notes = Notes(target)
    outcomes = [trial.outcome for trial in trials]
    causes: dict[tuple[Reason | None, str], list[str]] = {}
    for outcome in outcomes:
        if _failed(outcome) and not any(_explains(finding, outcome) for finding in known):
            causes.setdefault((outcome.reason, outcome.text), []).append(outcome.collector)
    for (reason, text), names in causes.items():
        sentence = f"{_named(names)}: {text}"
        if reason is Reason.PERMISSION and all(_skipped(outcomes, name) for name in names):
            notes.advice(sentence, *_remedy(reason, names))
        else:
            notes.error(sentence, *_remedy(reason, names))
    if not any(map(_failed, outcomes)):
        notes.ok(_summary(outcomes))
    return notes.findings


def _explains(finding: Finding, outcome: Outcome) -> bool:
    if finding.severity is not Severity.ERROR:
        return False
    if TOO_MANY in outcome.text and "CONNECTION LIMIT" in finding.remedy:
        return True
    if outcome.reason is Reason.PERMISSION:
        denied = DENIED.search(outcome.text)
        if finding.remedy.startswith(RIGHTS) or (denied and denied[1] in finding.what):
            return True
    return outcome.text != "" and outcome.text in finding.what


def _failed(outcome: Outcome) -> bool:
    return outcome.state in (State.FAILED, State.LATE) or outcome.reason is Reason.PERMISSION


def _skipped(outcomes: Sequence[Outcome], name: str) -> bool:
    return any(o.collector == name and o.state is State.SKIPPED for o in outcomes)


def _named(names: Sequence[str]) -> str:
    return f"collector{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _remedy(reason: Reason | None, names: Sequence[str]) -> list[str]:
    built_in = [name for name in names if not name.startswith(PREFIX)]
    switch = " ".join(f"--no-collector.{name.replace('_', '-')}" for name in built_in)
    if reason in (Reason.DEADLINE, Reason.BUSY) and switch:
        return [f"# more time: --scrape.timeout-seconds; or switch off: {switch}"]
    shown = f"datastack-exporter explain {names[0]}"
    if reason is Reason.PERMISSION:
        return [f"# allow what `{shown}` shows" + (f", or switch off: {switch}" if switch else "")]
    return [f"# `{shown}` shows what it runs" + (f"; to switch off: {switch}" if switch else "")]


def _summary(outcomes: Sequence[Outcome]) -> str:
    well = sum(outcome.state is State.OK for outcome in outcomes)
    text = f"collectors that gave all they should: {well}"
    rightly = [o for o in outcomes if o.state is State.SKIPPED]
    if rightly:
        text += "; nothing to collect: " + ", ".join(f"{o.collector} ({o.text})" for o in rightly)
    return text
