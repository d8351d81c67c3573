"""From the sources to the settings: reads each, merges by priority, validates, reports all findings at once.

Priority: flag > `EXPORTER_` variable > secrets folder > YAML file > variables of other exporters > default.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from exporter.model.errors import SettingsError
from exporter.settings import checks, compat, environment, secrets_folder
from exporter.settings.flags import Flags
from exporter.settings.given import Given, Reading, UnreadableError, did_you_mean, read_text
from exporter.settings.model import EMPTY_IS_UNSET, Key, Settings, fields_of, settings_type

Merged = dict[Key, Given]

_TWINS = {"password": "password_file", "password_file": "password"}
_FILE: Key = ("config", "file")
_SECRETS_DIR: Key = ("config", "secrets_dir")


def load_settings(
    argv: Sequence[str], environ: Mapping[str, str], collectors: Mapping[str, tuple[bool, str]]
) -> Settings:
    """The configuration. Depends on its arguments and the files that they name: a reload calls it again.

    Args:
        argv: the flags, without the program's name, the command and the command's options.
        environ: the variables.
        collectors: name -> (on by default, what it collects).

    Raises:
        SettingsError: one line for each thing that is wrong; none of them holds a value.
    """
    type_ = settings_type(collectors)
    fields = fields_of(type_)
    findings: list[str] = []
    merged: Merged = {}
    for reading in _readings(argv, environ, type_, merged):
        findings += reading.findings
        findings += _merge(merged, reading.given, fields)
    _split_redis_address(merged)
    findings += _read_password_files(merged)
    settings, wrong = _validate(type_, merged, fields)
    if settings is None or findings:
        raise SettingsError([*findings, *wrong])
    return settings


def _readings(
    argv: Sequence[str], environ: Mapping[str, str], type_: type[Settings], merged: Merged
) -> Iterator[Reading]:
    """Each source's reading, from high to low; `merged` holds what the ones before have given."""
    fields = fields_of(type_)
    yield Flags(type_).read(argv) if argv else Reading()
    yield environment.read(environ, fields)
    if _SECRETS_DIR in merged:
        yield secrets_folder.read(merged[_SECRETS_DIR], fields)
    if _FILE in merged:
        from exporter.settings import yaml_file  # noqa: PLC0415  # 2 MB that a daemon without a file does not need

        yield yaml_file.read(merged[_FILE], fields)
    yield compat.read(environ, merged.keys())


def _merge(merged: Merged, given: Mapping[Key, Given], fields: Mapping[Key, FieldInfo]) -> Iterator[str]:
    """Adds what no higher source has given; a password and its file count as one setting."""
    usable = {k: g for k, g in given.items() if g.value != "" or EMPTY_IS_UNSET not in fields[k].metadata}
    for key in sorted(usable):
        section, name = key
        twin = (section, _TWINS.get(name, name))
        if name == "password" and twin in usable:
            where = f"{usable[key].where}; {usable[twin].where}"
            yield f"{section}.password and {section}.password_file are both given ({where}): keep one"
    free = {key for key in usable if key not in merged and (key[0], _TWINS.get(key[1], key[1])) not in merged}
    merged.update((key, usable[key]) for key in free)


def _split_redis_address(merged: Merged) -> None:
    if (given := merged.get(("redis", "address"))) is None:
        return
    parts = checks.split_redis_address(str(given.value))
    merged["redis", "address"] = Given(parts.address, given.where)
    if parts.username:
        merged.setdefault(("redis", "username"), Given(parts.username, given.where))
    if parts.password and ("redis", "password_file") not in merged:
        merged.setdefault(("redis", "password"), Given(parts.password, given.where))


def _read_password_files(merged: Merged) -> Iterator[str]:
    for section in ("postgres", "redis", "pgbouncer"):
        if (given := merged.get((section, "password_file"))) is None:
            continue
        try:
            password = read_text(str(given.value))
        except UnreadableError as error:
            yield f"{section}.password_file ({given.where}): {error}"
            continue
        if section == "redis":
            password = _from_map(password, merged)
        if password:
            merged[section, "password"] = Given(password, given.where)


def _from_map(text: str, merged: Merged) -> str:
    """The password: of redis_exporter's `{"redis://user@host:port": "password"}`, else the text itself."""
    try:
        passwords = json.loads(text) if text.lstrip().startswith("{") else None
    except ValueError:
        passwords = None
    if not isinstance(passwords, dict):
        return text
    address, user = (
        str(merged[k].value) if (k := ("redis", name)) in merged else "" for name in ("address", "username")
    )
    scheme, _, host = address.rpartition("://")
    wanted = f"{scheme or 'redis'}://{user}{'@' if user else ''}{host}"
    return next((str(password) for uri, password in passwords.items() if _same(uri, wanted)), "")


def _same(uri: str, wanted: str) -> bool:
    return uri.replace(":@", "@").removesuffix("/") == wanted.removesuffix("/")


def _validate(
    type_: type[Settings], merged: Merged, fields: Mapping[Key, FieldInfo]
) -> tuple[Settings | None, list[str]]:
    sections: dict[str, dict[str, Any]] = {}
    for (section, key), given in merged.items():
        sections.setdefault(section, {})[key] = given.value
    try:
        return type_(**cast("Any", sections)), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, list(dict.fromkeys(_finding(detail, merged, fields) for detail in details))


def _finding(detail: ErrorDetails, merged: Merged, fields: Mapping[Key, FieldInfo]) -> str:
    section, key, *item = (*map(str, detail["loc"]), "")[:3]
    given = merged.get((section, key))
    where = f" ({given.where})" if given else ""
    number = f"item {int(item[0]) + 1}: " if item and item[0].isdigit() else ""
    expected = detail["msg"].removeprefix("Value error, ").replace("Input should be ", "expected ")
    expected = expected.partition(", unable to ")[0]
    hint = ""
    if detail["type"] == "literal_error" and given:
        hint = did_you_mean(str(given.value), map(str, get_args(fields[section, key].annotation)))
    return f"{section}.{key}{where}: {number}{expected}{hint}"
