"""What a source was given, and how a wrong key is reported. Shared by the sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from exporter.settings.model import Key

MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Given:
    """One value from one source.

    Attributes:
        value: as text, before any conversion; a switch is a bool, a repeated flag or a YAML list a tuple,
            a YAML mapping of texts a dict.
        where: the source in the words of the user: `variable EXPORTER_LOG__LEVEL`.
    """

    value: str | bool | tuple[str, ...] | dict[str, str] = field(repr=False)
    where: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one source gave, and what is wrong with it: one line each."""

    given: dict[Key, Given] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


class UnreadableError(Exception):
    """A file that a setting names can't be read. The text says why, and what to do."""


def read_text(path: str) -> str:
    """The text of a small file, without its trailing line feeds.

    Raises:
        UnreadableError: it is missing, forbidden, a folder, too large or not text.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # also takes /dev/fd/63
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UnreadableError(f"{path} does not exist: create it, or leave the setting out") from None
    except PermissionError:
        raise UnreadableError(f"{path} may not be read by this user: chown or chmod it") from None
    except IsADirectoryError:
        raise UnreadableError(f"{path} is a folder, expected a file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise UnreadableError(f"{path} can't be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"{path} is larger than {MAX_BYTES} bytes: is it the right file?")
    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise UnreadableError(f"{path} is not UTF-8 text") from None


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the nearest of `known`, or nothing."""
    near = nearest(wrong, known)
    return f"; did you mean {near}?" if near else ""


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """The one of `known` that was most likely meant, if there is one.

    Dashes, underscores, dots and case do not count. The key alone is enough where one section has it.
    """
    by_letters = {_letters(name): name for name in known}
    near = get_close_matches(_letters(wrong), by_letters, n=1, cutoff=0.75)
    if near:
        return by_letters[near[0]]
    tails = [name for letters, name in by_letters.items() if letters.endswith(f".{_letters(wrong)}")]
    return tails[0] if len(tails) == 1 else None


def _letters(name: str) -> str:
    return name.lower().lstrip("-").replace("__", ".").replace("-", "_").removeprefix("exporter_")
