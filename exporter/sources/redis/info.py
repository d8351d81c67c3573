"""Reads the reply of INFO by the names of its fields, never by their position.

The format: lines `name:value`, and headings `# Section` that start a section. Servers add, drop and
move fields, forks repeat sections, proxies cut the text: whatever can't be read is left out.
See https://redis.io/docs/latest/commands/info/.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

LONGEST = 300
"""Digits of a number, at the most: one more, and readers of the page may find it too large."""
NUMERIC_WORDS = {"ok": 1, "true": 1, "err": 0, "fail": 0, "false": 0}


class Info:
    """One reply of INFO.

    Attributes:
        fields: name -> value as text, over all sections; of a name that comes twice, the first.
    """

    __slots__ = ("_pairs", "_sections", "fields")

    def __init__(self, text: str) -> None:
        section: dict[str, str] = {}
        sections = {"": section}
        for line in text.replace("\r\n", "\n").split("\n"):
            name, colon, value = line.partition(":")
            if not colon:
                if line.startswith("#"):
                    section = sections.setdefault(line[1:].strip().lower(), {})
            elif name not in section:
                section[name] = value
        self.fields: dict[str, str] = {}
        for section in reversed(sections.values()):
            self.fields.update(section)
        self._sections = sections
        self._pairs: dict[tuple[str, str], dict[str, dict[str, str]]] = {}

    def section(self, name: str) -> Mapping[str, str]:
        """The fields of a section, by its heading in any case; empty if there is none."""
        return self._sections.get(name.lower(), {})

    def get(self, field: str, default: str = "") -> str:
        """A field's value as text."""
        return self.fields.get(field, default)

    def number(self, field: str) -> int | float | None:
        """A field's value as a number; None where it is absent or no number."""
        return number(self.fields.get(field))

    def pairs(self, section: str, prefix: str) -> Mapping[str, Mapping[str, str]]:
        """The fields of a section that hold `key=value,key=value`, by what follows `prefix`.

        `cmdstat_get:calls=2,usec=5` of the section Commandstats is `{"get": {"calls": "2", "usec":
        "5"}}` with the prefix `cmdstat_`. Taken apart once, for all who ask.
        """
        found = self._pairs.get((section, prefix))
        if found is None:
            start = len(prefix)
            found = {
                name[start:]: key_values(value)
                for name, value in self.section(section).items()
                if name.startswith(prefix)
            }
            self._pairs[section, prefix] = found
        return found


def key_values(text: str) -> dict[str, str]:
    """Takes `key=value,key=value` apart; parts without `=` are left out."""
    found = {}
    for part in text.split(","):
        key, sign, value = part.partition("=")
        if sign:
            found[key] = value
    return found


def written(text: str | None) -> int | float | str | None:
    """As `number`, but a whole number stays the text that it is, for a page that wants text."""
    return text if text is not None and is_plain(text) else number(text)


def product(info: Info) -> tuple[str, str]:
    """Which server this is, and its version if it says that: `("Valkey", "8.1.1")`.

    Valkey, KeyDB and Dragonfly also give the version of Redis whose commands they know.
    """
    if valkey := info.get("valkey_version"):
        return "Valkey", valkey
    if dragonfly := info.get("dragonfly_version"):
        return "Dragonfly", dragonfly.removeprefix("df-").removeprefix("v")
    name = "KeyDB" if "mvcc_depth" in info.fields else "Redis"
    return name, info.get("redis_version")


def version(text: str) -> tuple[int, ...]:
    """Major and minor version as numbers, as far as they are numbers: `(8, 1)` of `8.1.0-rc1`."""
    parts = []
    for part in text.split(".")[:2]:
        if not (part.isascii() and part.isdigit() and len(part) < 10):
            break
        parts.append(int(part))
    return tuple(parts)


def is_plain(text: str) -> bool:
    """Whether a text is a whole number that can go onto a page as it stands."""
    return text.isdigit() and text.isascii() and len(text) < LONGEST


def number(text: str | None) -> int | float | None:
    """The number that a text holds; None for no text, no number, or not-a-number.

    The words that Redis uses for good and bad are 1 and 0: `ok`, `err`, `fail`, `true`, `false`.
    """
    if text is None:
        return None
    if text.isdigit() and text.isascii() and len(text) < LONGEST:  # as is_plain, without the call
        return int(text)
    word = NUMERIC_WORDS.get(text)
    if word is not None:
        return word
    try:
        value = float(text)
    except ValueError:
        return None
    return None if isnan(value) else value
