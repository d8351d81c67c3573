"""From the sources to the settings: reads each, merges by priority, validates, reports all findings at once.

Priority: flag > `EXPORTER_` variable > secrets folder > YAML file > variables of other exporters > default.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, cast, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exporter.model.errors import SettingsError
from exporter.settings import compat, environment, secrets_folder
from exporter.settings.flags import Flags
from exporter.settings.given import Given, Reading, UnreadableError, did_you_mean, read_text
from exporter.settings.keys import Keys
from exporter.settings.model import NODE_LABEL, SERVERS, TARGET_LABEL, TARGETS, Key, Settings, settings_type
from exporter.settings.redis_address import split_redis_address
from exporter.settings.sections import Web
from exporter.settings.values import EMPTY_IS_UNSET

Merged = dict[Key, Given]

_PASSWORDS = ("password", "sentinel_password")
_TWINS = {name: f"{name}_file" for name in _PASSWORDS} | {f"{name}_file": name for name in _PASSWORDS}
_REDIS_FILE: Key = ("redis", "password_file")
_FILE: Key = ("config", "file")
_SECRETS_DIR: Key = ("config", "secrets_dir")


def load_settings(
    argv: Sequence[str],
    environ: Mapping[str, str],
    collectors: Mapping[str, tuple[bool, str]],
    metric_labels: Mapping[str, Collection[str]] | None = None,
) -> Settings:
    """The configuration. Depends on its arguments and the files that they name: a reload calls it again.

    Args:
        argv: the flags, without the program's name, the command and the command's options.
        environ: the variables.
        collectors: name -> (on by default, what it collects).
        metric_labels: server (`postgres`) -> the labels of its metrics; a constant one has another name.

    Raises:
        SettingsError: one line for each thing that is wrong; none of them holds a value.
    """
    type_ = settings_type(collectors)
    keys = Keys(type_)
    findings: list[str] = []
    merged: Merged = {}
    for reading in _readings(argv, environ, type_, merged):
        findings += reading.findings
        findings += _merge(merged, reading.given, keys)
    for place in _places(merged):
        _split_redis_address(place, merged)
        findings += _read_password_files(place, merged)
    settings, wrong = _validate(type_, merged, keys)
    if settings is not None:
        wrong = [*_taken_labels(settings, merged, metric_labels or {})]
    if settings is None or findings or wrong:
        raise SettingsError([*findings, *wrong])
    return settings


def load_web(argv: Sequence[str], environ: Mapping[str, str]) -> Web:
    """The section `web` alone: what is wrong elsewhere, and what collectors there are, is not looked at.

    Raises:
        SettingsError: something is wrong with that section.
    """
    keys = Keys(Settings)
    merged: Merged = {}
    for reading in _readings(argv, environ, Settings, merged):
        wanted = {k: given for k, given in reading.given.items() if k[0] in ("web", "config")}
        for _ in _merge(merged, wanted, keys):
            pass
    settings, wrong = _validate(Settings, merged, keys)
    if settings is None:
        raise SettingsError(wrong)
    return settings.web


def _readings(
    argv: Sequence[str], environ: Mapping[str, str], type_: type[Settings], merged: Merged
) -> Iterator[Reading]:
    """Each source's reading, from high to low; `merged` holds what the ones before have given."""
    keys = Keys(type_)
    yield Flags(type_).read(argv) if argv else Reading()
    yield environment.read(environ, keys)
    if _SECRETS_DIR in merged:
        yield secrets_folder.read(merged[_SECRETS_DIR], keys)
    if _FILE in merged:
        from exporter.settings import yaml_file  # noqa: PLC0415  # 2 MB that a daemon without a file does not need

        yield yaml_file.read(merged[_FILE], keys)
    yield compat.read(environ, merged.keys())


def _merge(merged: Merged, given: Mapping[Key, Given], keys: Keys) -> Iterator[str]:
    """Adds what no higher source has given; a password and its file count as one setting."""
    usable = {k: g for k, g in given.items() if g.value != "" or EMPTY_IS_UNSET not in keys[k].metadata}
    for key in sorted(usable):
        if key[-1] in _PASSWORDS and (twin := _twin(key)) in usable:
            where = f"{usable[key].where}; {usable[twin].where}"
            yield f"{_dotted(key)} and {_dotted(twin)} are both given ({where}): keep one"
    free = [key for key in usable if key not in merged and _twin(key) not in merged]
    merged.update((key, usable[key]) for key in free)


def _twin(key: Key) -> Key:
    return (*key[:-1], _TWINS.get(key[-1], key[-1]))


def _dotted(key: Key) -> str:
    return ".".join(key)


def _places(merged: Merged) -> list[Key]:
    """Where sections stand: at the top level, and in each target."""
    return [(), *dict.fromkeys(key[:2] for key in merged if key[0] == TARGETS)]


def _split_redis_address(place: Key, merged: Merged) -> None:
    section = (*place, "redis")
    if (given := merged.get((*section, "address"))) is None:
        return
    parts = split_redis_address(str(given.value))
    merged[*section, "address"] = Given(parts.address, given.where)
    if parts.username:
        merged.setdefault((*section, "username"), Given(parts.username, given.where))
    if parts.password and (*section, "password_file") not in merged:
        merged.setdefault((*section, "password"), Given(parts.password, given.where))


def _read_password_files(place: Key, merged: Merged) -> Iterator[str]:
    for section, name in product(SERVERS, _PASSWORDS):
        key = (*place, section, f"{name}_file")
        if (given := merged.get(key)) is None:
            continue
        try:
            password = read_text(str(given.value))
        except UnreadableError as error:
            yield f"{_dotted(key)} ({given.where}): {error}"
            continue
        if key[-2:] == _REDIS_FILE:
            password = _from_map(password, place, merged)
        if password:
            merged[_twin(key)] = Given(password, given.where)


def _from_map(text: str, place: Key, merged: Merged) -> str:
    """The password: of redis_exporter's `{"redis://user@host:port": "password"}`, else the text itself."""
    try:
        passwords = json.loads(text) if text.lstrip().startswith("{") else None
    except ValueError:
        passwords = None
    if not isinstance(passwords, dict):
        return text
    address, user = (
        str(merged[key].value) if (key := (*place, "redis", name)) in merged else ""
        for name in ("address", "username")
    )
    scheme, _, host = address.partition(",")[0].rpartition("://")
    wanted = f"{scheme or 'redis'}://{user}{'@' if user else ''}{host}"
    return next((str(password) for uri, password in passwords.items() if _same(uri, wanted)), "")


def _same(uri: str, wanted: str) -> bool:
    return uri.replace(":@", "@").removesuffix("/") == wanted.removesuffix("/")


def _validate(type_: type[Settings], merged: Merged, keys: Keys) -> tuple[Settings | None, list[str]]:
    values: dict[str, Any] = {}
    for key, given in merged.items():
        inner = values
        for part in key[:-1]:
            inner = inner.setdefault(part, {})
        inner[key[-1]] = given.value
    try:
        return type_(**cast("Any", values)), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, list(dict.fromkeys(_finding(detail, merged, keys) for detail in details))


def _finding(detail: ErrorDetails, merged: Merged, keys: Keys) -> str:
    place = tuple(map(str, detail["loc"]))
    key = next((place[:n] for n in range(len(place), 0, -1) if place[:n] in keys), place)
    given = merged.get(key) or next((g for k, g in merged.items() if k[: len(key)] == key), None)
    where = f" ({given.where})" if given else ""
    item = place[len(key) :]
    number = f"item {int(item[0]) + 1}: " if item and item[0].isdigit() else ""
    expected = detail["msg"].removeprefix("Value error, ").replace("Input should be ", "expected ")
    expected = expected.partition(", unable to ")[0]
    hint = ""
    if detail["type"] == "literal_error" and given:
        hint = did_you_mean(str(given.value), map(str, get_args(keys[key].annotation)))
    return f"{_dotted(key)}{where}: {number}{expected}{hint}"


def _taken_labels(
    settings: Settings, merged: Merged, metric_labels: Mapping[str, Collection[str]]
) -> Iterator[str]:
    for key, given in merged.items():
        if key[-1] != "labels":
            continue
        value: Any = settings
        for part in key:
            value = value[part] if isinstance(value, Mapping) else getattr(value, part)
        servers = {k[-2] for k in merged if k[:-2] == key[:-1]} if key[-2] not in SERVERS else {key[-2]}
        taken = {TARGET_LABEL, *([NODE_LABEL] if "redis" in servers else [])}.union(
            *(metric_labels.get(server, ()) for server in servers)
        )
        for name in (name for name, _ in value if name in taken):
            yield f"{_dotted(key)} ({given.where}): expected another name than {name}: metrics have that"
