"""Alertmanager's matchers, in all the ways in which they can be written.

Source: https://prometheus.io/docs/alerting/0.25/configuration/#matcher
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Labels = Mapping[str, str]

QUOTED = r'"(?:\\.|[^"\\])*"'
MATCHER = re.compile(
    rf'\s*(?P<name>{QUOTED}|[^\s=!~"{{}},]+)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>{QUOTED}|[^",]*)\s*(?:,|$)'
)
ESCAPED = {"n": "\n", '"': '"', "\\": "\\"}


@dataclass(frozen=True)
class Matcher:
    """One condition on one label; a label that is not there counts as empty.

    Attributes:
        name: of the label.
        value: a value, or a regular expression for all of it.
        regex: whether it is one.
        negated: whether the label must not be like that.
    """

    name: str
    value: str
    regex: bool = False
    negated: bool = False

    def matches(self, labels: Labels) -> bool:
        """Whether it holds."""
        value = labels.get(self.name, "")
        if self.regex:
            same = self._pattern is not None and self._pattern.fullmatch(value) is not None
        else:
            same = value == self.value
        return same is not self.negated

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        try:
            return re.compile(self.value)
        except re.error:  # RE2 has things that Python does not know
            return None


def matchers(owner: Mapping[str, Any], equal: str, regex: str, strings: str) -> tuple[Matcher, ...]:
    """The matchers of a route or an inhibition, by the keys of the three ways to write them.

    Raises:
        ValueError: one of them can't be read.
    """
    return (
        *(Matcher(name, str(value)) for name, value in (owner.get(equal) or {}).items()),
        *(Matcher(name, str(value), regex=True) for name, value in (owner.get(regex) or {}).items()),
        *(matcher for text in owner.get(strings) or () for matcher in parsed(text)),
    )


def parsed(text: str) -> Sequence[Matcher]:
    r"""The matchers of a string: `a="b"`, `a=~"b|c"`, `{a!="b",c!~"d"}`, `"a b"=c`.

    Raises:
        ValueError: it can't be read.
    """
    inner, found, at = text.strip(), [], 0
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    while at < len(inner):
        match = MATCHER.match(inner, at)
        if match is None:
            raise ValueError(f"{text!r} is no matcher")
        operator, at = match["operator"], match.end()
        name, value = _unquoted(match["name"]), _unquoted(match["value"])
        found.append(Matcher(name, value, regex="~" in operator, negated="!" in operator))
    return found


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text.strip()
    return re.sub(r"\\(.)", lambda m: ESCAPED.get(m[1], m[0]), text[1:-1])
