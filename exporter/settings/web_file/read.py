"""Reads the web file: YAML to values to the model, with the line of whatever is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exporter.model.errors import SettingsError
from exporter.settings.given import UnreadableError, did_you_mean, read_text
from exporter.settings.sections.base import Section
from exporter.settings.web_file.model import Http, RateLimit, Tls, WebFile
from exporter.settings.yaml_file import compose

SETTING = "web.config_file"
_NULL = "tag:yaml.org,2002:null"
_SECTIONS: dict[str, type[Section]] = {
    "tls_server_config": Tls,
    "http_server_config": Http,
    "rate_limit": RateLimit,
}
_EXPECTED = {
    "model_type": "expected keys with values",
    "dict_type": "expected keys with values",
    "tuple_type": "expected a list",
    "path_type": "expected a path",
    "string_type": "expected a text",
}
"""For pydantic's kinds of errors whose own words speak of Python."""
_DEPTH = 3
"""Of the format: a section's key has a mapping or a list of texts at most."""

Place = tuple[str, ...]


def read_web_file(path: Path) -> WebFile:
    """The file as it is now; its own paths are relative to its folder.

    Raises:
        SettingsError: it can't be read, or something in it is wrong; no line of that repeats a value.
    """
    try:
        root = compose(read_text(str(path)), str(path))
    except UnreadableError as error:
        raise SettingsError([f"{SETTING}: {error}"]) from None
    reader = _Reader(path)
    values = reader.values((), root)
    if reader.findings:
        raise SettingsError(reader.findings)
    try:
        made = WebFile.model_validate(values or {})
    except ValidationError as error:
        raise SettingsError([reader.finding(detail) for detail in error.errors(include_url=False)]) from None
    return made if made.tls is None else _located(made, made.tls, path.parent)


def _located(made: WebFile, tls: Tls, folder: Path) -> WebFile:
    keys = ("cert_file", "key_file", "client_ca_file")
    paths = {key: folder / given for key in keys if (given := getattr(tls, key)) is not None}
    return made.model_copy(update={"tls_server_config": tls.model_copy(update=paths)})


class _Reader:
    """YAML's nodes as plain values, every value the text that was written, and where each stands."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[Place, int] = {}
        self.findings: list[str] = []

    def values(self, place: Place, node: yaml.Node | None) -> Any:
        """The value of a node; None where there is none."""
        if node is None or node.tag == _NULL:
            return None
        self._lines[place] = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return node.value
        if len(place) >= _DEPTH:
            self._find(node, f"{'.'.join(place)}: expected a text")
            return None
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(place, node))
        return [self.values((*place, str(number)), item) for number, item in enumerate(node.value)]

    def _pairs(self, place: Place, node: yaml.MappingNode) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not key.value.isprintable():
                self._find(key, "expected a name before the colon")
                continue
            name = key.value
            known = _keys(place)
            if name in seen:
                self._find(key, f"key {'.'.join((*place, name))}: stands twice")
            elif known and name not in known:
                hint = did_you_mean(name, known) or f"; expected {', '.join(known)}"
                self._find(key, f"key {'.'.join((*place, name))}: no such key{hint}")
            elif (found := self.values((*place, name), value)) is not None:
                yield name, found
            seen.add(name)

    def _find(self, node: yaml.Node, text: str) -> None:
        self.findings.append(f"file {self._path} line {node.start_mark.line + 1}, {text}")

    def finding(self, detail: ErrorDetails) -> str:
        """One line about what the model does not take."""
        place = tuple(map(str, detail["loc"]))
        known = next((place[:n] for n in range(len(place), -1, -1) if place[:n] in self._lines), ())
        said = detail["msg"].removeprefix("Value error, ").replace("Input should be ", "expected ")
        expected = _EXPECTED.get(detail["type"], said.partition(", unable to ")[0])
        where = f"file {self._path} line {self._lines.get(known, 1)}"
        return f"{'.'.join(place) or SETTING} ({where}): {expected}"


def _keys(place: Place) -> Mapping[str, Any]:
    """The keys that may stand there; none if any may."""
    if not place:
        return WebFile.model_fields
    section = _SECTIONS.get(place[0]) if len(place) == 1 else None
    return section.model_fields if section is not None else {}
