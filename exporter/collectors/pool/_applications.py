"""Bounds the label `application_name`: what a client calls itself is its own choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from exporter.model.table import Labels
from exporter.sources.pgbouncer import Columns

OTHER = "other"
"""The name that all names beyond the bound share."""


class Applications:
    """Chooses the names that have series of their own: those with the most connections.

    Of two with as many, the one that was shown before stays, so that series don't come and go.

    Args:
        most: how many; 0 for no names at all.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._shown: frozenset[str] = frozenset()

    def count(self, columns: Columns, labels: Sequence[str]) -> Mapping[Labels, int]:
        """Rows by these labels, of which one is `application_name`."""
        at = labels.index("application_name")
        counted = Counter(zip(*(texts(columns, label) for label in labels), strict=True))
        names: Counter[str] = Counter()
        for key, rows in counted.items():
            names[key[at]] += rows
        self._shown = frozenset(self._chosen(names))
        if len(self._shown) == len(names):
            return counted
        folded: Counter[Labels] = Counter()
        for key, rows in counted.items():
            folded[(*key[:at], self._as_shown(key[at]), *key[at + 1 :])] += rows
        return folded

    def _chosen(self, names: Counter[str]) -> Sequence[str]:
        if len(names) <= self._most:
            return list(names)
        ranked = sorted(names, key=lambda name: (-names[name], name not in self._shown, name))
        return ranked[: self._most]

    def _as_shown(self, name: str) -> str:
        if not self._most:
            return ""
        return name if name in self._shown else OTHER


def texts(columns: Columns, name: str) -> Sequence[str]:
    """A column with empty texts for NULL, and where this version lacks it."""
    rows = len(next(iter(columns.values()), ()))
    return [text or "" for text in columns.get(name, ())] or [""] * rows
