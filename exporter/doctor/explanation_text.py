"""Explanations as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.doctor.explanation import Explanation, Given, versions
from exporter.doctor.report import printable
from exporter.model.collector import CollectorSpec, Cost
from exporter.model.snapshot import State
from exporter.model.view import SUPPORTED_MAJORS, Scope, View

COSTS = {
    Cost.CHEAP: "cheap: a handful of rows",
    Cost.ROWS: "rows: one for each table, index, command, client or the like",
}
SCOPES = {Scope.CLUSTER: "once, in the main database", Scope.DATABASE: "in each database"}


def lines(explanations: Sequence[Explanation]) -> Iterator[str]:
    """A block for each collector, with an empty line between two."""
    for number, explained in enumerate(explanations):
        if number:
            yield ""
        yield from _block(explained)


def _block(explained: Explanation) -> Iterator[str]:
    named = explained.named
    yield f"{named.name} ({named.family})"
    for name, text in _facts(explained):
        if text:
            yield f"  {name:<9} {printable(text)}"
    yield f"  runs{_where(explained)}"
    yield from (f"    {line}" for line in explained.runs.splitlines() or ["(it does not say)"])
    yield "  metrics"
    yield from _metrics(explained)


def _facts(explained: Explanation) -> Iterator[tuple[str, str]]:
    spec, name = explained.named.spec, explained.named.name
    yield "collects", spec.help
    yield "state", explained.state
    yield "one run", _run(explained)
    yield "target", explained.target
    flag = name.replace("_", "-")
    switch = f"on by default, --no-collector.{flag} switches it off"
    yield "switch", switch if spec.default else f"off by default, --collector.{flag} switches it on"
    if isinstance(spec.view, View):
        yield "versions", span(versions(spec.view))
        yield "scope", SCOPES[spec.view.scope]
    yield "rights", ", ".join(spec.needs)
    yield "cost", COSTS[spec.cost]
    yield "when", _when(spec)


def _when(spec: CollectorSpec) -> str:
    if spec.every_seconds is None:
        return "on each scrape"
    return f"every {spec.every_seconds:g} s, in the background; a scrape shows the newest result"


def _run(explained: Explanation) -> str:
    if explained.trial is None:
        return ""
    outcome = explained.trial.outcome
    reason = f" ({outcome.reason})" if outcome.reason is not None else ""
    return f"{outcome.state}{reason} in {outcome.seconds * 1000:.1f} ms, {explained.trial.series} series"


def _where(explained: Explanation) -> str:
    if explained.major is None:
        return ""
    newest = f", the newest that has it: {explained.assumed}" if explained.assumed else ""
    return f" on PostgreSQL {explained.major}{newest}"


def _metrics(explained: Explanation) -> Iterator[str]:
    width = max((len(given.metric.name) for given in explained.metrics), default=0)
    for given in explained.metrics:
        head = f"    {given.metric.name:<{width}}  {given.metric.kind:<9}"
        yield f"{head}  {', '.join(_notes(explained, given))}".rstrip()


def _notes(explained: Explanation, given: Given) -> Iterator[str]:
    if given.majors is not None and explained.major not in given.majors:
        yield f"not here, but on {span(given.majors)}"
        return
    if given.labels:
        yield f"by {' '.join(given.labels)}"
    if given.majors is not None and given.majors != versions(explained.named.spec.view):
        yield f"only on {span(given.majors)}"
    ran = explained.trial is not None and explained.trial.outcome.state is State.OK
    if given.series is not None and ran:
        yield f"{given.series} series"


def span(majors: Sequence[int]) -> str:
    """`PostgreSQL 13 to 16`, `PostgreSQL 17 and newer`, `PostgreSQL 13, 15 to 16`."""
    runs: list[list[int]] = []
    for major in majors:
        if runs and runs[-1][-1] == major - 1:
            runs[-1].append(major)
        else:
            runs.append([major])
    return f"PostgreSQL {', '.join(_one(run) for run in runs)}"


def _one(run: Sequence[int]) -> str:
    if run[-1] == SUPPORTED_MAJORS[-1]:
        return f"{run[0]} and newer"
    return f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0])
