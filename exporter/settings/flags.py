"""Settings from the command line: `--web.listen-address` is `web.listen_address`.

pydantic-settings makes an argparse parser from the model. `Flags.split` stands before it and does what
argparse does not: underscores for dashes, `--collector.x=false`, values that start with a dash, all findings
at once, and no message that repeats a value.
"""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentParser, BooleanOptionalAction
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import CliSettingsSource

from exporter.settings.checks import as_list
from exporter.settings.given import Given, Reading, did_you_mean
from exporter.settings.model import TARGETS, Key, Settings, fields_of
from exporter.settings.values import TAKES_HOSTS, TAKES_MAPPING, TAKES_PATTERNS, TAKES_RELEASES

_METAVARS = {"str": "TEXT", "SecretStr": "TEXT", "Path": "PATH", "int": "NUMBER", "float": "NUMBER"}
_ITEMS = {
    TAKES_MAPPING: "NAME=VALUE",
    TAKES_RELEASES: "RELEASE",
    TAKES_HOSTS: "NAME",
    TAKES_PATTERNS: "PATTERN",
}
_SPELLINGS = {"--web.config.file": "--web.config-file"}
"""Flags as other exporters spell them."""
_TRUTH = TypeAdapter(bool)


def flag(key: Key) -> str:
    """The flag of a setting."""
    return f"--{key[0]}.{key[1]}".replace("_", "-")


class Flags:
    """The flags of all settings, for reading and for `--help`.

    Args:
        settings: the type whose fields become flags.
        parser: gets the flags, by section; what else it knows is left alone.
    """

    def __init__(self, settings: type[Settings], parser: ArgumentParser | None = None) -> None:
        self.parser = parser or ArgumentParser(add_help=False, allow_abbrev=False)
        self._fields = fields_of(settings)
        self._actions: dict[str, Action] = {}
        CliSettingsSource(
            settings,
            root_parser=self.parser,
            cli_kebab_case=True,
            cli_implicit_flags=True,
            cli_avoid_json=True,
            cli_hide_none_type=True,
            add_argument_method=self._add,
        )

    def _add(self, group: Any, *names: str, **options: Any) -> None:
        section, _, key = str(options.get("dest", "")).partition(".")
        field = self._fields.get((section, key))
        if field is None:  # a whole section as JSON, and --help: the commands have their own
            return
        options |= {"help": _help(field), "default": SUPPRESS}
        if isinstance(field.default, tuple):
            items = next((text for mark, text in _ITEMS.items() if mark in field.metadata), "REGEX")
            options |= {"action": "append", "metavar": f"{items},..."}
        elif metavar := options.get("metavar"):
            options["metavar"] = _METAVARS.get(metavar, metavar)
        action = group.add_argument(*names, **options)
        self._actions |= dict.fromkeys(action.option_strings, action)

    def split(self, argv: Sequence[str]) -> tuple[list[str], list[str]]:
        """Parts the settings from the rest: the command, its options, and what nobody knows.

        Both keep their order. The first holds settings only, a value in the same item as its flag, or a flag
        that lacks its value.
        """
        settings, rest = [], []
        items = iter(range(len(argv)))
        for at in items:
            name, equals, value = argv[at].partition("=")
            action = self._action(name)
            if action is None:
                rest.append(argv[at])
            elif (
                equals
                or action.nargs == 0
                or at + 1 == len(argv)
                or self._action(argv[at + 1].partition("=")[0])
            ):
                settings.append(_dashed(name) + equals + value)
            else:
                settings.append(f"{_dashed(name)}={argv[next(items)]}")
        return settings, rest

    def _action(self, name: str) -> Action | None:
        return self._actions.get(_dashed(name)) if name.startswith("--") else None

    def read(self, argv: Sequence[str]) -> Reading:
        """All flags. A stray argument is only counted, not repeated: it may be part of a secret."""
        reading = Reading()
        settings, rest = self.split(argv)
        parsed = vars(self.parser.parse_args(list(self._well_formed(settings, reading))))
        for dest, value in parsed.items():
            section, _, key = dest.partition(".")
            if (section, key) in self._fields:
                values = (
                    tuple(item for text in value for item in _items(text))
                    if isinstance(value, list)
                    else value
                )
                reading.given[section, key] = Given(values, f"flag {flag((section, key))}")
        reading.findings.extend(self._unknown(rest))
        return reading

    def _well_formed(self, settings: Sequence[str], reading: Reading) -> Iterator[str]:
        for item in settings:
            name, equals, value = item.partition("=")
            action = self._actions[name]
            if not isinstance(action, BooleanOptionalAction):
                if equals:
                    yield item
                else:
                    reading.findings.append(f"{action.dest} (flag {name}): expected a value: {name}=VALUE")
            elif not equals:
                yield name
            elif name.startswith("--no-"):
                reading.findings.append(f"{action.dest} (flag {name}): expected no value")
            else:
                yield from self._switch(name, action, value, reading)

    def _switch(self, name: str, action: Action, value: str, reading: Reading) -> Iterator[str]:
        try:
            yield name if _TRUTH.validate_python(value) else f"--no-{name[2:]}"
        except ValidationError:
            reading.findings.append(f"{action.dest} (flag {name}): expected true or false")

    def _unknown(self, rest: Sequence[str]) -> Iterator[str]:
        stray, value_next = 0, False
        for text in rest:
            name, equals, _ = text.partition("=")
            hint = did_you_mean(name, self._actions) if name.startswith("-") else ""
            if name.startswith(f"--{TARGETS}."):
                yield f"flag {name}: no such flag: named targets stand in the file or in variables"
                value_next = not equals
            elif hint or (name.startswith("--") and not value_next):
                yield f"flag {name}: no such flag{hint or '; --help lists all'}"
                value_next = not equals
            else:
                stray += not value_next
                value_next = False
        if stray:
            yield f"{stray} argument(s) belong to no flag: quote a value that holds spaces"


def _help(field: FieldInfo) -> str:
    default = field.default
    if default is None or default == ():
        text = str(field.description)
    else:
        text = f"{field.description} (default: {_shown(default)})"
    return text.replace("%", "%%")


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        return ",".join(default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def _dashed(name: str) -> str:
    dashed = name.replace("_", "-")
    return _SPELLINGS.get(dashed, dashed)


def _items(text: str) -> Sequence[str]:
    items = as_list(text)
    return items if isinstance(items, list) else [text]
