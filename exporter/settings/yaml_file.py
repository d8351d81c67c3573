"""Settings from the YAML file: `web: {listen_address: ":9188"}`.

The file is read as nodes, not as values: a value stays the text that the user wrote (a password `0123` is not
octal), and a finding can say its line. YAML's own messages quote the file, so they are not passed on.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from exporter.settings.given import Given, Reading, UnreadableError, did_you_mean, read_text
from exporter.settings.keys import NAME_RULE, Keys, is_target
from exporter.settings.model import NO_SERVER, TARGETS, Key
from exporter.settings.values import TAKES_MAPPING

_NULL = "tag:yaml.org,2002:null"


def read(path: Given, keys: Keys) -> Reading:
    """All of the file that `config.file` names."""
    file = _File(str(path.value), keys)
    try:
        root = compose(read_text(file.name), file.name)
    except UnreadableError as error:
        file.reading.findings.append(f"config.file ({path.where}): {error}")
    else:
        file.section((), root)
    return file.reading


def compose(text: str, path: str) -> yaml.Node | None:
    """The nodes of a file with one YAML document; None if it is empty.

    Raises:
        UnreadableError: it is something else.
    """
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "its start"
        raise UnreadableError(
            f"{path} is not one YAML document at {place}: quote texts with special signs"
        ) from None
    except (yaml.YAMLError, RecursionError):
        raise UnreadableError(f"{path} is not one YAML document") from None


class _File:
    """The file while it is read, from the root down to the values."""

    def __init__(self, name: str, keys: Keys) -> None:
        self.name = name
        self._keys = keys
        self.reading = Reading()

    def section(self, prefix: Key, node: yaml.Node | None) -> None:
        """The root, a section, all targets or one of them."""
        for name, value in self._pairs(prefix, node):
            key = (*prefix, name)
            if key in self._keys:
                self._setting(key, value)
            elif prefix == (TARGETS,):
                self._target(key, value)
            elif key == (TARGETS,) or self._keys.inside(key):
                self.section(key, value)
            else:
                self._unknown(key, value)

    def _target(self, key: Key, node: yaml.Node) -> None:
        if not is_target(key):
            self._find(node, f"key {'.'.join(key)}: {NAME_RULE}")
            return
        known = len(self.reading.findings)
        self.section(key, node)
        empty = not any(given[: len(key)] == key for given in self.reading.given)
        if empty and len(self.reading.findings) == known:
            self._find(node, f"key {'.'.join(key)}: {NO_SERVER}")

    def _setting(self, key: Key, node: yaml.Node) -> None:
        dotted, where = ".".join(key), self._where(node)
        if key[0] == "config":
            self._find(node, f"key {dotted}: needed before the file: use the flag or the variable")
        elif isinstance(node, yaml.ScalarNode):
            if node.tag != _NULL:
                self.reading.given[key] = Given(node.value, where)
        elif isinstance(node, yaml.SequenceNode) and _all_scalars(node.value):
            self.reading.given[key] = Given(tuple(item.value for item in node.value), where)
        elif TAKES_MAPPING in self._keys[key].metadata:
            pairs = dict(self._pairs(key, node))
            if _all_scalars([*pairs.values()]):
                self.reading.given[key] = Given({name: text.value for name, text in pairs.items()}, where)
            else:
                self.reading.findings.append(f"{dotted} ({where}): expected names with values")
        else:
            self.reading.findings.append(f"{dotted} ({where}): expected a value or a list of values")

    def _unknown(self, key: Key, node: yaml.Node) -> None:
        what = "no such setting" if len(key) > 1 else "no such section"
        if len(key) == 1 or is_target(key[:-1]):
            names = self._keys.inside(key[:-1])
            hint = did_you_mean(key[-1], names) or f"; expected {', '.join(sorted(names))}"
        else:
            hint = self._keys.hint(key, ".".join)
        self._find(node, f"key {'.'.join(key)}: {what}{hint}")

    def _pairs(self, prefix: Key, node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
        if node is None or node.tag == _NULL:
            return
        dotted = ".".join(prefix)
        if not isinstance(node, yaml.MappingNode):
            what = f"{dotted}: " if dotted else ""
            self.reading.findings.append(f"{self._where(node)}: {what}expected keys with values")
            return
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not key.value.isprintable():
                self.reading.findings.append(f"{self._where(key)}: expected a name before the colon")
            elif key.value in seen:
                self._find(key, f"key {'.'.join((*prefix, key.value))}: stands twice")
            else:
                seen.add(key.value)
                yield key.value, value

    def _find(self, node: yaml.Node, text: str) -> None:
        self.reading.findings.append(f"{self._where(node)}, {text}")

    def _where(self, node: yaml.Node) -> str:
        return f"file {self.name} line {node.start_mark.line + 1}"


def _all_scalars(nodes: list[yaml.Node]) -> bool:
    return all(isinstance(node, yaml.ScalarNode) for node in nodes)
