"""Ranges of server versions: `>=10.0.0 <15.0.0 || >=16.2.0`, as postgres_exporter's `runonserver` has them.

A blank means and, `||` means or. What is left out of a version stands for all of it: `<=15` takes in 15.18,
and `15.x` is every 15. PostgreSQL 15.18 counts as 15.18.0.

Source: README of github.com/blang/semver, which postgres_exporter reads them with.
"""

from __future__ import annotations

import re
from typing import NamedTuple

Version = tuple[int, int, int]

_TERM = re.compile(
    r"\s*(?P<sign>>=|<=|!=|==|=|<|>|!)?\s*(?P<major>\d{1,4})"
    r"(?:\.(?P<minor>\d{1,4}|[xX*]))?(?:\.(?P<patch>\d{1,4}|[xX*]))?\s*(?=$|[\s<>=!])",
    re.ASCII,
)


class Term(NamedTuple):
    """One comparison: the versions from `low` up to, and without, `high` are what its version stands for."""

    sign: str
    low: Version
    high: Version

    def allows(self, version: Version) -> bool:
        """Whether the version passes the comparison."""
        match self.sign:
            case ">":
                return version >= self.high
            case ">=":
                return version >= self.low
            case "<":
                return version < self.low
            case "<=":
                return version < self.high
            case "!" | "!=":
                return not self.low <= version < self.high
        return self.low <= version < self.high


class Versions(NamedTuple):
    """A range.

    Attributes:
        text: as it was written.
        any_of: the parts of which one has to hold, each with the terms that must all hold.
    """

    text: str
    any_of: tuple[tuple[Term, ...], ...]

    def allows(self, number: int) -> bool:
        """Whether a server is in the range. Its number is `server_version_num`: 150018 for 15.18."""
        version = (number // 10_000, number % 10_000, 0)
        return any(all(term.allows(version) for term in terms) for terms in self.any_of)


def parse(text: str) -> Versions | None:
    """The range that a text means; None if it is none."""
    parts = [_terms(part) for part in text.split("||")]
    if any(not part for part in parts):
        return None
    return Versions(" ".join(text.split()), tuple(parts))


def _terms(text: str) -> tuple[Term, ...]:
    terms, at = [], 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None:
            return ()
        terms.append(_term(match))
        at = match.end()
    return tuple(terms)


def _term(match: re.Match[str]) -> Term:
    given = [int(match["major"])]
    for name in ("minor", "patch"):
        if not (match[name] or "").isdigit():
            break
        given.append(int(match[name]))
    following = [*given[:-1], given[-1] + 1]
    return Term(match["sign"] or "=", _filled(given), _filled(following))


def _filled(parts: list[int]) -> Version:
    major, minor, patch = (*parts, 0, 0)[:3]
    return major, minor, patch
