"""The tables of settings, from the settings' own model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from exporter.collectors import discover
from exporter.settings.environment import variable
from exporter.settings.flags import flag
from exporter.settings.model import (
    TARGETS,
    Key,
    Settings,
    fields_of,
    settings_type,
    target_fields_of,
)
from exporter.settings.values import TAKES_MAPPING
from exporter.sources.host import HostOptions
from tests.docs.table import code, table

HEAD = ("key", "flag", "variable", "value", "default", "what")
OF_HOST = {option.name: option.default for option in fields(HostOptions)}


def all_settings() -> type[Settings]:
    """The settings with a switch for each collector."""
    return settings_type({name: (named.spec.default, named.spec.help) for name, named in discover().items()})


def tables() -> str:
    """A heading and a table for each section."""
    return "\n\n".join(_sections(all_settings()))


def _sections(type_: type[Settings]) -> Iterator[str]:
    known = fields_of(type_)
    of_target = {(TARGETS, "NAME", *k): field for k, field in target_fields_of(type_).items() if len(k) == 1}
    for section, outer in type_.model_fields.items():
        rows = [_row(key, field) for key, field in (known | of_target).items() if key[0] == section]
        yield f"### {section}\n\n{outer.description}\n\n{table(HEAD, rows)}"


def _row(key: Key, field: FieldInfo) -> tuple[str, ...]:
    default = field.default if field.default is not None or key[0] != "host" else OF_HOST.get(key[1])
    return (
        code(".".join(key)),
        "" if key[0] == TARGETS else code(flag(key)),
        code(variable(key)),
        _value(field),
        code(_shown(default)),
        str(field.description),
    )


def _shown(default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ",".join(default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def _value(field: FieldInfo) -> str:
    """What may be given, in words."""
    if TAKES_MAPPING in field.metadata:
        return "mapping of texts"
    types = set(_types(field.annotation))
    if bool in types:
        return "true or false"
    if types & {int, float}:
        return f"number{_bounds(field)}"
    for kind, words in ((SecretStr, "secret text"), (Path, "path"), (tuple, "list of texts"), (str, "text")):
        if kind in types:
            return words
    return " or ".join(map(code, get_args(field.annotation)))


def _types(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _types(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for inner in get_args(annotation):
            yield from _types(inner)
    elif origin is not Literal:
        yield origin or annotation


def _bounds(field: FieldInfo) -> str:
    words = {"gt": "above", "ge": "from", "le": "to"}
    found = [
        f"{word} {getattr(limit, name):g}"
        for name, word in words.items()
        for limit in field.metadata
        if hasattr(limit, name)
    ]
    return " " + " ".join(found) if found else ""
