"""Takes YAML apart as nodes, not as values, so that a finding can say its line.

Each function notes what is not as expected and returns what stands for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import yaml

from exporter.collectors.user_queries.finding import Finding, Notes
from exporter.settings.given import did_you_mean

_NULL = "tag:yaml.org,2002:null"
_YES = {"true", "yes", "on"}
_NO = {"false", "no", "off"}
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)


class Pair(NamedTuple):
    """A key of a mapping: its text, where it stands, what stands behind the colon."""

    key: str
    at: yaml.Node
    value: yaml.Node


def compose(text: str, notes: Notes) -> yaml.Node | None:
    """The root of one YAML document; None if it is empty, or noted as unreadable."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = f"no YAML from column {column} on: look at the indentation, and quote texts with special signs"
        notes.findings.append(Finding(notes.file, line, said))
    except (yaml.YAMLError, RecursionError, ValueError):
        notes.findings.append(Finding(notes.file, 1, "not one YAML document of plain text"))
    notes.errors += 1
    return None


def is_null(node: yaml.Node) -> bool:
    """Whether nothing stands there."""
    return node.tag == _NULL


def is_mapping(pair: Pair, notes: Notes) -> bool:
    """Whether keys stand below a query's name; else that is noted."""
    if isinstance(pair.value, yaml.MappingNode):
        return True
    notes.error(pair.value, f"{pair.key}: expected keys with values below the name: query, metrics")
    return False


def pairs(node: yaml.Node, what: str, notes: Notes) -> list[Pair]:
    """The keys of a mapping, each once: of a key that stands twice the later one counts."""
    if is_null(node):
        return []
    if not isinstance(node, yaml.MappingNode):
        notes.error(node, f"{what}: expected keys with values")
        return []
    found: dict[str, Pair] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            notes.error(key, f"{what}: expected a name before the colon")
            continue
        if key.value in found:
            notes.remark(key, f"{what}: {key.value} stands twice, and only this one counts: remove one")
        found[key.value] = Pair(key.value, key, value)
    return list(found.values())


def keyed(
    node: yaml.Node, what: str, known: Collection[str], notes: Notes, *, strict: bool
) -> dict[str, yaml.Node]:
    """The values of the known keys; the others are noted, as errors where `strict`."""
    found = {}
    for pair in pairs(node, what, notes):
        if pair.key in known:
            found[pair.key] = pair.value
            continue
        hint = did_you_mean(pair.key, known) or f"; expected {', '.join(known)}"
        note = notes.error if strict else notes.remark
        note(pair.at, f"{what}: {pair.key} is not known{'' if strict else ' and has no effect'}{hint}")
    return {key: value for key, value in found.items() if not is_null(value)}


def text(node: yaml.Node | None, what: str, notes: Notes) -> str:
    """A text that PostgreSQL and a page can take; empty for None, and for what is noted."""
    if node is None:
        return ""
    if not isinstance(node, yaml.ScalarNode):
        notes.error(node, f"{what}: expected a text")
        return ""
    value = str(node.value)
    try:
        value.encode()
    except UnicodeEncodeError:
        value = "\0"
    if "\0" in value:
        notes.error(node, f"{what}: expected text without NUL and halves of characters")
        return ""
    return value


def sentence(node: yaml.Node | None, what: str, notes: Notes) -> str:
    """A text in one line."""
    return " ".join(text(node, what, notes).split())


def texts(node: yaml.Node | None, what: str, notes: Notes) -> Sequence[str]:
    """A list of texts; one text alone is a list of one."""
    if node is None:
        return ()
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return tuple(text(item, what, notes) for item in items)


def yes_or_no(node: yaml.Node | None, what: str, notes: Notes) -> bool:
    """A switch, off where nothing stands."""
    if node is None:
        return False
    word = str(node.value).lower() if isinstance(node, yaml.ScalarNode) else ""
    if word not in _YES | _NO:
        notes.error(node, f"{what}: expected true or false")
    return word in _YES


def number(node: yaml.Node | None, what: str, notes: Notes, *, least: float = 0, most: float) -> float | None:
    """A number within bounds; None where nothing stands."""
    if node is None:
        return None
    written = node.value if isinstance(node, yaml.ScalarNode) else ""
    if not _NUMBER.fullmatch(written) or not least <= float(written) <= most:
        notes.error(node, f"{what}: expected a number from {least:,} to {most:,}")
        return None
    return float(written)


def one_of(node: yaml.Node | None, what: str, known: Collection[str], notes: Notes) -> str:
    """One of some words; empty where nothing stands."""
    word = text(node, what, notes)
    if node is not None and word not in known:
        notes.error(node, f"{what}: expected {', '.join(known)}{did_you_mean(word, known)}")
        return ""
    return word
