"""What a switch would lose, as lines for people or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from exporter.doctor.comparison.page import Labels, Page
from exporter.doctor.comparison.verdict import Verdict
from exporter.doctor.report import printable

SHOWN = 8
"""How many names, or values, are shown where there may be hundreds."""

Part = tuple[str, Callable[[Verdict], Iterator[str]]]


def lines(url: str, verdict: Verdict, *, verbose: bool = False) -> Iterator[str]:
    """The report: a heading for each kind of difference that there is, a summary at the end.

    Args:
        url: the other page, without secrets.
        verdict: what was found.
        verbose: list all missing metrics, and those that only our page has.
    """
    yield f"theirs  {_size(verdict.theirs)}: {printable(url)}"
    yield f"ours    {_size(verdict.ours)}"
    parts: Sequence[Part] = (("missing metrics", partial(_metrics, verbose=verbose)), *PARTS)
    for heading, part in parts:
        if found := list(part(verdict)):
            yield f"\n{heading}"
            yield from found
    hint = "" if verbose else ", listed by --verbose"
    yield f"\nmore here: {_count(len(verdict.extra), 'metric')}{hint}"
    if verbose:
        yield from (f"  {printable(name)}" for name in verdict.extra)
    yield from _not_compared(verdict)
    yield summary(verdict)


def summary(verdict: Verdict) -> str:
    """One line: what a switch would lose."""
    if verdict.complete:
        return "nothing is missing"
    lost = {
        "metric": len(verdict.metrics),
        "label": len(verdict.labels),
        "series": sum(lost.series for lost in verdict.series),
    }
    named = {"metric": "metrics", "label": "labels", "series": "series of other metrics"}
    return "missing: " + ", ".join(_count(n, one, named[one]) for one, n in lost.items() if n)


def as_json(url: str, verdict: Verdict) -> str:
    """All of it; `ok` is whether nothing is missing. The keys are those of `Verdict` but for the pages."""
    document: dict[str, Any] = {
        "ok": verdict.complete,
        "theirs": {"url": url, **_sizes(verdict.theirs)},
        "ours": _sizes(verdict.ours),
        "metrics": [_plain(lost) for lost in verdict.metrics],
        "series": [_plain(lost) for lost in verdict.series],
        "labels": [_plain(lost) for lost in verdict.labels],
        "left_out": [_plain(left) for left in verdict.left_out],
        "types": [other._asdict() for other in verdict.types],
        "more_labels": [{"name": other.name, "labels": other.ours} for other in verdict.more_labels],
        "values": [other._asdict() | {"labels": dict(sorted(other.labels))} for other in verdict.values],
        "extra": verdict.extra,
        "own": verdict.own,
        "unknown": verdict.unknown,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _plain(found: Any) -> dict[str, Any]:
    values = {name: getattr(found, name) for name in found.__slots__}
    if "examples" in values:
        values["examples"] = [dict(sorted(labels)) for labels in values["examples"]]
    return values


def _sizes(page: Page) -> dict[str, int]:
    return {"metrics": len(page.families), "series": page.series, "invalid_lines": page.invalid}


def _size(page: Page) -> str:
    return f"{_count(len(page.families), 'metric')}, {_count(page.series, 'series', 'series')}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _metrics(verdict: Verdict, *, verbose: bool) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for lost in verdict.metrics:
        today = f"; today {lost.today}" if lost.today else ""
        text = f"    {printable(lost.name)}  {lost.kind}, {_count(lost.series, 'series', 'series')}{today}"
        by_reason.setdefault(lost.why, []).append(text)
    for why, names in by_reason.items():
        yield f"  {printable(why)}"
        yield from names if verbose else names[:SHOWN]
        if len(names) > SHOWN and not verbose:
            yield f"    and {len(names) - SHOWN} more, listed by --verbose"


def _series(verdict: Verdict) -> Iterator[str]:
    """Metrics that lack the same series share their lines."""
    alike: dict[tuple[Sequence[Labels], int, int], list[str]] = {}
    for lost in verdict.series:
        alike.setdefault((tuple(lost.examples), lost.series, lost.of), []).append(lost.name)
    for (examples, count, of), names in alike.items():
        yield f"  {count} of {of}: {_listed(names)}"
        yield from (f"    {_braced(labels)}" for labels in examples)
        if count > len(examples):
            yield "    ..."


def _labels(verdict: Verdict) -> Iterator[str]:
    for lost in verdict.labels:
        yield f"  {printable(lost.label)}: {_listed(lost.metrics)}"


def _left_out(verdict: Verdict) -> Iterator[str]:
    for left in verdict.left_out:
        series = f", {_count(left.series, 'series', 'series')}" if left.series else ""
        yield f"  {printable(left.what)} of {_count(len(left.metrics), 'metric')}{series}: {left.reason}"


def _types(verdict: Verdict) -> Iterator[str]:
    for other in verdict.types:
        yield f"  {printable(other.name)}: {other.theirs} there, {other.ours} here"


def _more_labels(verdict: Verdict) -> Iterator[str]:
    by_labels: dict[Sequence[str], list[str]] = {}
    for other in verdict.more_labels:
        by_labels.setdefault(other.ours, []).append(other.name)
    for labels, names in by_labels.items():
        yield f"  {', '.join(map(printable, labels))}: {_listed(names)}"


def _values(verdict: Verdict) -> Iterator[str]:
    for other in verdict.values[:SHOWN]:
        name = printable(other.name) + (_braced(other.labels) if other.labels else "")
        yield f"  {name}: {printable(other.theirs)} there, {printable(other.ours)} here"
    if len(verdict.values) > SHOWN:
        yield f"  and {len(verdict.values) - SHOWN} more, listed by --json"


PARTS: Sequence[Part] = (
    ("missing series of metrics that are here", _series),
    ("missing labels of metrics that are here", _labels),
    ("left out on purpose", _left_out),
    ("another type", _types),
    ("more labels here, so sum by the others", _more_labels),
    ("clearly another value: worth a look, they were read moments apart", _values),
)


def _not_compared(verdict: Verdict) -> Iterator[str]:
    parts = {
        f"{_count(len(verdict.own), 'metric')} about the other exporter itself": verdict.own,
        f"{_count(len(verdict.unknown), 'metric')} without a value": verdict.unknown,
        f"{_count(verdict.theirs.invalid, 'line')} that can't be read": verdict.theirs.invalid,
    }
    if any(parts.values()):
        yield "not compared: " + ", ".join(text for text, there in parts.items() if there)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(printable, names[:SHOWN])) + more


def _braced(labels: Labels) -> str:
    return printable("{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels)) + "}")
