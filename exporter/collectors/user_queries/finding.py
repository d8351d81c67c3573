"""What is wrong with a file of queries: one line for each problem, with its place and its remedy."""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of a file.

    Attributes:
        file: its path, as the setting has it.
        line: counted from 1; 0 where the file could not be read at all.
        text: what is wrong, what is expected, what became of it.
    """

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        place = f"{self.file} line {self.line}" if self.line else self.file
        return f"{place}: {self.text}"


@dataclass(slots=True)
class Notes:
    """The findings of one file so far.

    Attributes:
        file: its path.
        findings: in the order in which they were made.
        errors: how many of them cost a query.
    """

    file: str
    findings: list[Finding] = field(default_factory=list)
    errors: int = 0

    def error(self, node: yaml.Node, text: str) -> None:
        """Notes what makes a query unusable."""
        self.errors += 1
        self.remark(node, text)

    def remark(self, node: yaml.Node, text: str) -> None:
        """Notes what is left out while the rest of the query is used."""
        self.findings.append(Finding(self.file, node.start_mark.line + 1, text))
