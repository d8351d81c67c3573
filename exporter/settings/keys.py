"""Which settings there are: those of the top level, and those of a target under any name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pydantic.fields import FieldInfo

from exporter.settings.given import nearest
from exporter.settings.model import TARGETS, Key, Settings, fields_of, target_fields_of

NAME_RULE = "expected a name of small letters, digits, '.', '_' and '-', a letter or digit first"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)


class Keys:
    """All keys of a configuration, each with its field.

    Args:
        settings: the type whose fields they are.
    """

    def __init__(self, settings: type[Settings]) -> None:
        self._top = fields_of(settings)
        self._of_target = target_fields_of(settings)

    def __contains__(self, key: Key) -> bool:
        return self._find(key) is not None

    def __getitem__(self, key: Key) -> FieldInfo:
        if (field := self._find(key)) is None:
            raise KeyError(key)
        return field

    def _find(self, key: Key) -> FieldInfo | None:
        if key[0] != TARGETS:
            return self._top.get(key)
        return self._of_target.get(key[2:]) if is_target(key[:2]) else None

    def inside(self, prefix: Key) -> list[str]:
        """The names that may stand below a section or a target; none if it is neither."""
        depth = len(prefix)
        if prefix[:1] == (TARGETS,) and not is_target(prefix[:2]):
            return []
        within = [key for key in self._with(prefix[1:2]) if key[:depth] == prefix and len(key) > depth]
        return list(dict.fromkeys(key[depth] for key in within))

    def hint(self, wrong: Key, write: Callable[[Key], str]) -> str:
        """`; did you mean X?` for the setting that a key stands for by mistake, or nothing.

        Args:
            wrong: no key of a setting.
            write: how the source writes a key.
        """
        place = wrong[:2] if wrong[0] == TARGETS else ()
        known = self._of_target if place else self._top
        tails = {".".join(tail): tail for tail in known}
        near = nearest(".".join(wrong[len(place) :]), tails)
        return f"; did you mean {write((*place, *tails[near]))}?" if near else ""

    def _with(self, name: Key) -> Iterator[Key]:
        """All keys, those of a target under this name."""
        yield from self._top
        yield from ((TARGETS, *(name or ("NAME",)), *key) for key in self._of_target)


def is_target(key: Key) -> bool:
    """Whether it is the key of a whole target, with a name that targets may have."""
    return len(key) == 2 and key[0] == TARGETS and _NAME.fullmatch(key[1]) is not None


def from_underscores(text: str) -> Key:
    """The key of `section__key`, `targets__name__key` or `targets__name__section__key`; any case."""
    lower = text.lower()
    return tuple(lower.split("__", 3 if lower.startswith(f"{TARGETS}__") else 1))
