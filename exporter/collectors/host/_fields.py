"""What the collectors of the host share: numbers as the kernel writes them, metrics named by fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from time import monotonic
from typing import Generic, NamedTuple, TypeVar

from exporter.model.errors import Reason, Skip
from exporter.model.metric import Metric
from exporter.model.table import Table

T = TypeVar("T")

FIELD = "<field>"
"""Stands for a field's name in the name and the help of a pattern metric."""

LONGEST_NUMBER = 20
"""Digits of the largest number of 64 bits: whatever is longer is no number of the kernel's."""

LONGEST_HEXADECIMAL = 16
"""The same in base 16."""

LONGEST_NAME = 128
"""Characters of a field's name that is taken for one."""

MAX_FIELDS = 2048
"""Names of which a collector remembers the metric; the kernel has some hundreds at most."""

_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_NAME = re.compile(r"[a-zA-Z0-9_]+")


def whole(text: str) -> int | None:
    """A whole number in decimal digits; None if it is anything else."""
    digits = text.removeprefix("-")
    if len(text) <= LONGEST_NUMBER and digits.isdigit() and digits.isascii():
        return int(text)
    return None


def number(text: str) -> float | None:
    """A decimal number, as sensors write it; None if it is anything else."""
    return float(text) if _NUMBER.fullmatch(text) else None


def hexadecimal(text: str) -> int | None:
    """A number in hexadecimal digits; None if it is anything else."""
    if 0 < len(text) <= LONGEST_HEXADECIMAL and _HEXADECIMAL.issuperset(text):
        return int(text, 16)
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


class Place(NamedTuple):
    """Where a file has a number: how many words stand before it, its metric, and what it is multiplied by."""

    word: int
    metric: Metric
    factor: int = 1


class Numbers:
    """Reads the numbers of files whose words stay in their places from one scrape to the next.

    Where they are is found once by `find`, and holds as long as all other words stand where they stood. That
    costs a fifth of looking at each line, and a file of another shape is looked at anew.

    Args:
        find: the places in a text; those without a number are left out.
    """

    def __init__(self, find: Callable[[str], Iterable[Place]]) -> None:
        self._find = find
        self._words: tuple[str, ...] = ()
        self._pick_words: Callable[[list[str]], tuple[str, ...]] | None = None
        self._pick_numbers: Callable[[list[str]], tuple[str, ...]] | None = None
        self._places: list[Place] = []
        self._length = 0

    def read(self, text: str) -> dict[Metric, int]:
        """The numbers by metric."""
        words = text.split()
        numbers = self._numbers(words)
        if numbers is None:
            self._learn(text, words)
            numbers = [int(words[place.word]) for place in self._places]
        return {
            place.metric: number * place.factor for place, number in zip(self._places, numbers, strict=True)
        }

    def _numbers(self, words: list[str]) -> list[int] | None:
        """The numbers where they were the last time; None if anything else has changed."""
        if len(words) != self._length or self._pick_words is None or self._pick_numbers is None:
            return None
        return wholes(self._pick_numbers(words)) if self._pick_words(words) == self._words else None

    def _learn(self, text: str, words: list[str]) -> None:
        self._places = [place for place in self._find(text) if whole(words[place.word]) is not None]
        numbers = [place.word for place in self._places]
        others = [n for n, word in enumerate(words) if not word.isdigit()]
        self._length = len(words)
        # With a single index itemgetter gives no tuple; such a file is short.
        enough = min(len(numbers), len(others)) > 1
        self._pick_numbers = itemgetter(*numbers) if enough else None
        self._pick_words = itemgetter(*others) if enough else None
        self._words = self._pick_words(words) if self._pick_words else ()


class Kept(Generic[T]):
    """A value that hardly changes, read again after a while.

    Args:
        read: reads it.
        seconds: how long it is good for.
    """

    def __init__(self, read: Callable[[], T], seconds: float = 60.0) -> None:
        self._read = read
        self._seconds = seconds
        self._value: tuple[float, T] | None = None

    def __call__(self) -> T:
        """The value, which is no older than that. Raises what reading it raises."""
        now = monotonic()
        if self._value is None or now >= self._value[0]:
            self._value = (now + self._seconds, self._read())
        return self._value[1]

    def forget(self) -> None:
        """It is read again the next time."""
        self._value = None


def readable(tables: Sequence[Table], what: str) -> Sequence[Table]:
    """The tables, if there is a sample in them.

    Raises:
        Skip: no line of the file could be understood.
    """
    if not any(table.rows and table.columns for table in tables):
        raise Skip(Reason.NO_DATA, f"{what}: no line of it could be understood")
    return tables
