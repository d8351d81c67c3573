"""What the collectors of the host share: numbers as the kernel writes them, metrics named by fields."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exporter.model.errors import Reason, Skip
from exporter.model.metric import Metric
from exporter.model.table import Table

FIELD = "<field>"
"""Stands for a field's name in the name and the help of a pattern metric."""

LONGEST_NUMBER = 20
"""Digits of the largest number of 64 bits: whatever is longer is no number of the kernel's."""

LONGEST_NAME = 128
"""Characters of a field's name that is taken for one."""

MAX_FIELDS = 2048
"""Names of which a collector remembers the metric; the kernel has some hundreds at most."""

_NAME = re.compile(r"[a-zA-Z0-9_]+")


def whole(text: str) -> int | None:
    """A whole number in decimal digits; None if it is anything else."""
    digits = text.removeprefix("-")
    if len(text) <= LONGEST_NUMBER and digits.isdigit() and digits.isascii():
        return int(text)
    return None


def wholes(texts: Sequence[str]) -> list[int] | None:
    """Whole numbers without sign; None if one of them is anything else."""
    joined = "".join(texts)
    if joined.isdigit() and joined.isascii() and max(map(len, texts)) <= LONGEST_NUMBER and all(texts):
        return list(map(int, texts))
    return None


class ByField(dict[str, Metric | None]):
    """The metrics of a file whose fields have names of their own, each made at its first sight.

    `by_field["oom_kill"]` is the metric of this field, or None if it is not wanted or its name can't
    be a part of a metric's. Parentheses become an underscore, as upstream writes `Active(anon)`.

    Args:
        pattern: the metric with `<field>` in name and help.
        wanted: which fields are shown; all without it.
    """

    def __init__(self, pattern: Metric, wanted: re.Pattern[str] | None = None) -> None:
        super().__init__()
        self._pattern = pattern
        self._wanted = wanted

    def __missing__(self, field: str) -> Metric | None:
        metric = self._metric(field)
        if len(self) < MAX_FIELDS:
            self[field] = metric
        return metric

    def _metric(self, field: str) -> Metric | None:
        name = field.replace("(", "_").replace(")", "")
        if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
            return None
        if self._wanted is not None and not self._wanted.search(name):
            return None
        pattern = self._pattern
        return pattern._replace(
            name=pattern.name.replace(FIELD, name), help=pattern.help.replace(FIELD, field)
        )


def readable(tables: Sequence[Table], what: str) -> Sequence[Table]:
    """The tables, if there is a sample in them.

    Raises:
        Skip: no line of the file could be understood.
    """
    if not any(table.rows and table.columns for table in tables):
        raise Skip(Reason.NO_DATA, f"{what}: no line of it could be understood")
    return tables
