"""What the doctor says of a target: one finding for each thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    ADVICE = "advice"
    """It works; it would work better with the remedy."""
    ERROR = "error"
    """Something that was asked for is not collected."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the doctor looked at.

    Attributes:
        target: what it is about, as its source describes it: `postgres at localhost:5432`.
        severity: how bad it is.
        what: one sentence without its full stop.
        remedy: what mends it, a line each: SQL, ACL rules or lines of a configuration file as they
            are typed, and remarks as comments of that language. Empty where nothing has to be done.
    """

    target: str
    severity: Severity
    what: str
    remedy: str = ""


@dataclass(slots=True)
class Notes:
    """The findings about one target, in the order in which they were made.

    Attributes:
        target: as in `Finding`.
        findings: those so far.
    """

    target: str
    findings: list[Finding] = field(default_factory=list)

    def ok(self, what: str) -> None:
        """Notes that something is as it should be."""
        self._add(Severity.OK, what)

    def advice(self, what: str, *remedy: str) -> None:
        """Notes what could be better, with the lines that mend it."""
        self._add(Severity.ADVICE, what, *remedy)

    def error(self, what: str, *remedy: str) -> None:
        """Notes what does not work, with the lines that mend it."""
        self._add(Severity.ERROR, what, *remedy)

    def _add(self, severity: Severity, what: str, *remedy: str) -> None:
        # Sources begin their messages with the target's name, which stands above the findings already.
        address = self.target.rpartition(" at ")[2]
        for prefix in (f"{self.target}: ", f"{address}: "):
            what = what.removeprefix(prefix)
        self.findings.append(Finding(self.target, severity, what, "\n".join(remedy)))
