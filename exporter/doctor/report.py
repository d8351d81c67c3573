"""Findings as lines for people, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from exporter.doctor.finding import Finding, Severity

WIDTH = max(map(len, Severity))
INDENT = "  "


def healthy(findings: Sequence[Finding]) -> bool:
    """Whether none of them is an error."""
    return all(finding.severity is not Severity.ERROR for finding in findings)


def lines(findings: Sequence[Finding], absent: Sequence[str] = ()) -> Iterator[str]:
    """The report: the findings below their target, remedies below their finding, a summary at the end.

    Args:
        findings: in the order in which their targets are to stand.
        absent: what is not configured, with the setting that would.
    """
    for target in dict.fromkeys(finding.target for finding in findings):
        yield printable(target)
        for finding in findings:
            if finding.target == target:
                yield from _finding(finding)
        yield ""
    if absent:
        yield f"not configured: {', '.join(absent)}"
    counts = _counts(findings)
    yield (
        f"{counts[Severity.OK]} ok, {counts[Severity.ADVICE]} advice, "
        f"{counts[Severity.ERROR]} error{'' if counts[Severity.ERROR] == 1 else 's'}"
    )


def _finding(finding: Finding) -> Iterator[str]:
    yield f"{INDENT}{finding.severity:<{WIDTH}}  {printable(finding.what)}"
    margin = " " * (len(INDENT) + WIDTH + 4)
    for line in finding.remedy.splitlines():
        yield margin + printable(line)


def as_json(findings: Sequence[Finding]) -> str:
    """`{"ok": ..., "counts": {...}, "findings": [{"target", "severity", "what", "remedy"}]}`."""
    document = {
        "ok": healthy(findings),
        "counts": _counts(findings),
        "findings": [asdict(finding) for finding in findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _counts(findings: Sequence[Finding]) -> dict[Severity, int]:
    return {severity: sum(f.severity is severity for f in findings) for severity in Severity}


def printable(text: str) -> str:
    r"""The text with what a terminal would act on written out: names may hold anything, `\x1b[2J` too."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
