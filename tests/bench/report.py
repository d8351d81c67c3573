"""What a benchmark found, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HEAD = ("what", "ours", "theirs", "ours / theirs", "aim")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured thing.

    Attributes:
        what: it is.
        ours: of this exporter.
        theirs: of what it is compared with; None where there is nothing.
        unit: of both: `ms`, `MB`, `samples/s`; empty for a count.
        at_most: the aim: the highest ratio ours / theirs, or the highest `ours` without `theirs`.
        at_least: the same as a lower bound.
    """

    what: str
    ours: float
    theirs: float | None = None
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def met(self) -> bool | None:
        """Whether it is as it should be; None where nothing was set."""
        judged = self.ours if self.theirs is None else self.ratio
        if judged is None or (self.at_most is None and self.at_least is None):
            return None
        return (self.at_most is None or judged <= self.at_most) and (
            self.at_least is None or judged >= self.at_least
        )

    def cells(self) -> list[str]:
        """The line of the table."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return [self.what, self._shown(self.ours), self._shown(self.theirs), ratio, self._aim()]

    def _shown(self, value: float | None) -> str:
        if value is None:
            return ""
        digits = 0 if value >= 1000 or (value == int(value) and not self.unit) else 1 if value >= 10 else 2
        return f"{value:,.{digits}f} {self.unit}".rstrip()

    def _aim(self) -> str:
        if self.met is None:
            return ""
        bound = f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"
        unit = f" {self.unit}" if self.theirs is None and self.unit else ""
        return f"{bound}{unit}: {'met' if self.met else 'missed'}"


def compared(what: str, both: Mapping[str, float], unit: str = "", at_most: float | None = None) -> Figure:
    """A figure from `ours` and `theirs` by name."""
    return Figure(what=what, ours=both["ours"], theirs=both["theirs"], unit=unit, at_most=at_most)


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one benchmark.

    Attributes:
        title: of its section.
        about: what was measured, and how.
        figures: in the order to be shown.
        notes: what one has to know to read them.
    """

    title: str
    about: str
    figures: Sequence[Figure]
    notes: Sequence[str] = field(default=())

    def markdown(self) -> str:
        """The section of the page."""
        notes = "".join(f"- {note}\n" for note in self.notes)
        text = f"## {self.title}\n\n{self.about}\n\n{table(HEAD, [f.cells() for f in self.figures])}"
        return f"{text}\n{notes}" if notes else text


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns stand in line as text, too; numbers to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    right = [False, *[True] * (len(head) - 2), False]
    rule = ["-" * (width - 1) + (":" if r else "-") for width, r in zip(widths, right, strict=True)]
    text = ""
    for row in (head, rule, *rows):
        cells = zip(row, widths, right, strict=True)
        text += "| " + " | ".join(c.rjust(width) if r else c.ljust(width) for c, width, r in cells) + " |\n"
    return text
