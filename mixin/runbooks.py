"""The head of each runbook, from the alert: when it fires and whom it wakes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from mixin import rules

FOLDER = rules.ROOT / "docs" / "runbooks"
PART = re.compile(r"(<!-- generated: alert -->\n).*?(<!-- end -->\n)", re.DOTALL)
INDEX = FOLDER / "README.md"

WHO = {
    "critical": "pages",
    "warning": "Slack",
    "info": "Slack, in business hours",
    "none": "no person",
}


def generate() -> dict[Path, str]:
    """Runbook -> its text with the head made anew, and the index of all.

    Raises:
        FileNotFoundError: an alert has no runbook.
    """
    names = dict.fromkeys(alert.name for alert in rules.alerts())
    return {path_of(name): _with_head(path_of(name)) for name in names} | {INDEX: _index()}


def path_of(alert: str) -> Path:
    """Where the runbook of an alert stands."""
    return FOLDER / f"{alert}.md"


def head(name: str) -> str:
    """The generated part of an alert's runbook: a row for each severity, and the expressions."""
    entries = [alert for alert in rules.alerts() if alert.name == name]
    return "\n".join(_head(entries))


def _with_head(path: Path) -> str:
    return PART.sub(lambda part: f"{part[1]}\n{head(path.stem)}\n\n{part[2]}", path.read_text())


def _head(entries: list[rules.Alert]) -> Iterator[str]:
    yield "| severity | goes to | service | category | threshold | for | stays |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for alert in entries:
        labels = alert.labels
        limit = alert.threshold
        cells = (
            labels["severity"],
            WHO[alert.severity],
            labels["service"],
            labels["category"],
            f"{limit.comparison} {limit.value:g}" if limit else "",
            alert.wait or "at once",
            alert.keep,
        )
        yield "| " + " | ".join(cells) + " |"
    file = entries[0].file
    yield f"\nFrom [`{file.relative_to(rules.ROOT)}`](../../{file.relative_to(rules.ROOT)}):"
    for alert in entries:
        yield f"\n```promql\n{textwrap.dedent(alert.expr).strip()}\n```"


def _index() -> str:
    lines = [
        "# Runbooks",
        "",
        "One page for each alert, linked from it. Made from the rules by `make mixin`.",
    ]
    by_file: dict[str, dict[str, list[rules.Alert]]] = {}
    for alert in rules.alerts():
        by_file.setdefault(alert.file.stem, {}).setdefault(alert.name, []).append(alert)
    for topic, alerts in by_file.items():
        lines += ["", f"## {topic.replace('_', ' ').capitalize()}", ""]
        lines += ["| alert | severity | category |", "| --- | --- | --- |"]
        for name, entries in alerts.items():
            severities = ", ".join(alert.severity for alert in entries)
            lines.append(f"| [{name}]({name}.md) | {severities} | {entries[0].labels['category']} |")
    return "\n".join(lines) + "\n"
