"""Settings from the YAML file: `web: {listen_address: ":9188"}`.

The file is read as nodes, not as values: a value stays the text that the user wrote (a password `0123` is not
octal), and a finding can say its line. YAML's own messages quote the file, so they are not passed on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import yaml

from exporter.settings.given import Given, Reading, UnreadableError, did_you_mean, read_text
from exporter.settings.model import Key

_NULL = "tag:yaml.org,2002:null"


def read(path: Given, keys: Collection[Key]) -> Reading:
    """All of the file that `config.file` names."""
    reading = Reading()
    name = str(path.value)
    try:
        root = _compose(name)
    except UnreadableError as error:
        reading.findings.append(f"config.file ({path.where}): {error}")
        return reading
    sections = {section for section, _ in keys}
    for section, node in _pairs(root, name, "", reading):
        if section in sections:
            for key, value in _pairs(node, name, f"{section}.", reading):
                _add(name, (section, key), value, keys, reading)
        else:
            hint = did_you_mean(section, sections) or f"; expected {', '.join(sorted(sections))}"
            reading.findings.append(f"{_where(name, node)}, key {section}: no such section{hint}")
    return reading


def _compose(path: str) -> yaml.Node | None:
    try:
        return yaml.compose(read_text(path), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "its start"
        raise UnreadableError(
            f"{path} is not one YAML document at {place}: quote texts with special signs"
        ) from None
    except (yaml.YAMLError, RecursionError):
        raise UnreadableError(f"{path} is not one YAML document") from None


def _pairs(
    node: yaml.Node | None, path: str, prefix: str, reading: Reading
) -> Iterator[tuple[str, yaml.Node]]:
    if node is None or node.tag == _NULL:
        return
    if not isinstance(node, yaml.MappingNode):
        what = f"{prefix.rstrip('.')}: " if prefix else ""
        reading.findings.append(f"{_where(path, node)}: {what}expected keys with values")
        return
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            reading.findings.append(f"{_where(path, key)}: expected a name before the colon")
        elif key.value in seen:
            reading.findings.append(f"{_where(path, key)}, key {prefix}{key.value}: stands twice")
        else:
            seen.add(key.value)
            yield key.value, value


def _add(path: str, key: Key, node: yaml.Node, keys: Collection[Key], reading: Reading) -> None:
    where = f"{_where(path, node)}"
    dotted = ".".join(key)
    if key not in keys:
        hint = did_you_mean(dotted, map(".".join, keys))
        reading.findings.append(f"{where}, key {dotted}: no such setting{hint}")
    elif key[0] == "config":
        reading.findings.append(
            f"{where}, key {dotted}: needed before the file: use the flag or the variable"
        )
    elif isinstance(node, yaml.ScalarNode):
        if node.tag != _NULL:
            reading.given[key] = Given(node.value, where)
    elif isinstance(node, yaml.SequenceNode) and all(isinstance(i, yaml.ScalarNode) for i in node.value):
        reading.given[key] = Given(tuple(item.value for item in node.value), where)
    else:
        reading.findings.append(f"{dotted} ({where}): expected a value or a list of values")


def _where(path: str, node: yaml.Node) -> str:
    return f"file {path} line {node.start_mark.line + 1}"
