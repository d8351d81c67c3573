"""A dashboard's variables: what is chosen, and how it gets into an expression.

Source: https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

ALL = "$__all"
_PLACE = re.compile(r"\$\{(?P<braced>\w+)(?::(?P<form>\w+))?\}|\[\[(?P<old>\w+)\]\]|\$(?P<bare>\w+)")
_LABEL_VALUES = re.compile(r"label_values\((?:(?P<match>.+),)?\s*(?P<label>\w+)\s*\)", re.DOTALL)

# label_values of a label and a selector.
Ask = Callable[[str, str], list[str]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a variable stands for.

    Attributes:
        values: the values, each as it is.
        pattern: whether it goes into an expression as a regular expression (several may be chosen).
        whole: "All" as the dashboard writes it.
        all: whether these are all values that there are.
    """

    values: tuple[str, ...]
    pattern: bool = False
    whole: str = ""
    all: bool = False

    @property
    def shown(self) -> str:
        """As titles have it."""
        return "All" if self.all else " + ".join(self.values)

    def text(self, form: str) -> str:
        """As it stands in an expression, by the form that is asked for in `${name:form}`."""
        if form in ("csv", "text", "raw", "pipe"):
            return self.whole or {"text": " + ", "pipe": "|"}.get(form, ",").join(self.values)
        if self.whole:
            return self.whole
        if not self.pattern and form != "regex":
            return ",".join(self.values)
        found = [re.escape(value).replace("\\", "\\\\") for value in self.values]
        return found[0] if len(found) == 1 else f"({'|'.join(found)})"


def choose(dashboard: Mapping[str, Any], ask: Ask, given: Mapping[str, str]) -> dict[str, Chosen]:
    """What each variable of a dashboard stands for, in their order: a later one may use an earlier one.

    Args:
        dashboard: its JSON.
        ask: looks up the values of a label.
        given: what the user of the preview chose, by the name of the variable.
    """
    chosen: dict[str, Chosen] = {}
    for variable in dashboard.get("templating", {}).get("list", []):
        if variable["type"] == "datasource":
            continue
        chosen[variable["name"]] = _one(variable, ask, given.get(variable["name"]), chosen)
    return chosen


def fill(text: str, chosen: Mapping[str, Chosen], own: Mapping[str, str]) -> str:
    """A text with its variables filled in; `own` are Grafana's (`__interval`). An unknown name stays."""

    def value(found: re.Match[str]) -> str:
        name = found["braced"] or found["old"] or found["bare"]
        if name in own:
            return own[name]
        return chosen[name].text(found["form"] or "") if name in chosen else found[0]

    return _PLACE.sub(value, text)


def _one(variable: Mapping[str, Any], ask: Ask, given: str | None, chosen: Mapping[str, Chosen]) -> Chosen:
    several = bool(variable.get("multi") or variable.get("includeAll"))
    if given is not None:
        return Chosen(tuple(given.split(",")), several)
    current = _list((variable.get("current") or {}).get("value"))
    if current and current != [ALL]:
        return Chosen(tuple(current), several)
    if not variable.get("includeAll"):
        return Chosen(tuple(_options(variable, ask, chosen)[:1]) or ("",), several)
    if variable.get("allValue"):
        return Chosen((), several, variable["allValue"], all=True)
    return Chosen(tuple(_options(variable, ask, chosen)) or ("",), several, all=True)


def _options(variable: Mapping[str, Any], ask: Ask, chosen: Mapping[str, Chosen]) -> list[str]:
    query = variable.get("query") or ""
    text = query.get("query", "") if isinstance(query, dict) else query
    if variable["type"] != "query":
        return [part.strip() for part in text.split(",")]
    found = _LABEL_VALUES.fullmatch(fill(text, chosen, {}).strip())
    if not found:
        raise ValueError(f"variable {variable['name']}: only label_values() is known here, not {text!r}")
    options = ask(found["label"], (found["match"] or "").strip())
    if not (wanted := variable.get("regex", "").strip("/")):
        return options
    matches = [re.search(wanted, option) for option in options]
    return [match[1] if match.groups() else match[0] for match in matches if match]


def _list(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return [str(value)] if value not in (None, "") else []
