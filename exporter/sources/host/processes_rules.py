"""Which processes belong together: process-exporter's configuration file, read as it reads it.

    process_names:
      - name: "{{.Matches.Cluster}}"
        exe: [postgres]
        cmdline: ["-D /var/lib/postgresql/(?P<Cluster>[^ ]+)"]

The first entry whose selectors all match names the group. `comm` and `exe` match if one of their values
does, `cmdline` if all its expressions are found in the command line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from exporter.model.errors import SettingsError
from exporter.sources.host.processes import Process, Processes

ROOT_KEY = "process_names"
ENTRY_KEYS = frozenset({"name", "comm", "exe", "cmdline"})
DEFAULT_NAME = "{{.ExeBase}}"

_PLACE = re.compile(r"\{\{-?\s*\.(\w+)(?:\.(\w+))?\s*-?\}\}")


class Candidate:
    """A process that is to be named; what costs a read is read when a rule asks for it."""

    def __init__(self, process: Process, processes: Processes) -> None:
        self.process = process
        self._processes = processes

    @cached_property
    def command(self) -> Sequence[str]:
        """Its command line or title."""
        return self._processes.command(self.process.pid)

    @cached_property
    def line(self) -> str:
        """The same as one text."""
        return " ".join(self.command)

    @property
    def executable(self) -> str:
        """What the command line starts with; the name where there is none."""
        return self.command[0] if self.command else self.process.name

    @property
    def user(self) -> str:
        """The name of its effective user."""
        return self._processes.user(self.process.pid)

    @property
    def cgroups(self) -> str:
        """The paths of its control groups, in brackets."""
        return f"[{' '.join(self._processes.cgroups(self.process.pid))}]"

    @property
    def started(self) -> str:
        """When it started."""
        at = datetime.fromtimestamp(self._processes.started_at(self.process), UTC)
        fraction = f"{at:.%f}".rstrip("0").rstrip(".")
        return f"{at:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


PLACES: Mapping[str, Callable[[Candidate], str]] = {
    "Comm": lambda candidate: candidate.process.name,
    "ExeBase": lambda candidate: base(candidate.executable),
    "ExeFull": lambda candidate: candidate.executable,
    "Username": lambda candidate: candidate.user,
    "PID": lambda candidate: str(candidate.process.pid),
    "StartTime": lambda candidate: candidate.started,
    "Cgroups": lambda candidate: candidate.cgroups,
}
MATCHES = "Matches"


def base(path: str) -> str:
    """The last part of a path."""
    return path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the file.

    Attributes:
        name: the template.
        comms: names of processes; None for any.
        exes: last part of the executable's path -> its whole path, or empty; None for any.
        cmdlines: what has to be found in the command line.
    """

    name: str
    comms: frozenset[str] | None
    exes: Mapping[str, str] | None
    cmdlines: tuple[re.Pattern[str], ...]

    def group(self, candidate: Candidate) -> str | None:
        """The group's name; None if it does not match."""
        if self.comms is not None and candidate.process.name not in self.comms:
            return None
        if self.exes is not None and not self._is_executable(candidate):
            return None
        found: dict[str, str] = {}
        for pattern in self.cmdlines:
            match = pattern.search(candidate.line)
            if match is None:
                return None
            found.update(match.groupdict(default=""))
        return _PLACE.sub(lambda place: _filled(place, candidate, found), self.name)

    def _is_executable(self, candidate: Candidate) -> bool:
        if not candidate.command or self.exes is None:
            return False
        whole = self.exes.get(base(candidate.executable))
        return whole is not None and whole in ("", candidate.executable)


def _filled(place: re.Match[str], candidate: Candidate, found: Mapping[str, str]) -> str:
    word, match = place.groups()
    return found.get(match, "") if word == MATCHES else PLACES[word](candidate)


def load(path: Path) -> tuple[Rule, ...]:
    """The rules in their order.

    Raises:
        SettingsError: the file can't be read, or is not understood: each entry that is wrong.
    """
    import yaml  # noqa: PLC0415 - 2 MB that a daemon without such a file does not need

    where = f"host.process_groups_file: {path}"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"{where}: can't be read: {error.strerror}"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        at = getattr(error, "problem_mark", None)
        line = f" (line {at.line + 1})" if at is not None else ""
        raise SettingsError([f"{where}: is no YAML{line}"]) from error
    entries = content.get(ROOT_KEY) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise SettingsError([f"{where}: expected a list of entries under {ROOT_KEY}"])
    findings: list[str] = []
    rules: list[Rule] = []
    for number, entry in enumerate(entries, 1):
        try:
            rules.append(_rule(entry))
        except ValueError as error:
            findings.append(f"{where}: entry {number}: {error}")
    if findings:
        raise SettingsError(findings)
    return tuple(rules)


def _rule(entry: Any) -> Rule:
    if not isinstance(entry, dict):
        raise ValueError("expected a mapping with comm, exe or cmdline")  # noqa: TRY004 - one kind for all
    if unknown := sorted(map(str, entry.keys() - ENTRY_KEYS)):
        raise ValueError(f"unknown key {unknown[0]}; there are name, comm, exe and cmdline")
    lists = {key: _texts(key, entry[key]) for key in ("comm", "exe", "cmdline") if entry.get(key) is not None}
    if not lists:
        raise ValueError("has none of comm, exe and cmdline, so that it says nothing of its processes")
    name = _template(entry.get("name") or DEFAULT_NAME)
    comms, exes = lists.get("comm"), lists.get("exe")
    return Rule(
        name=name,
        comms=None if comms is None else frozenset(comms),
        exes=None if exes is None else {base(exe): exe if "/" in exe else "" for exe in exes},
        cmdlines=tuple(map(_pattern, lists.get("cmdline", ()))),
    )


def _texts(key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{key}: expected a list of texts")
    return value


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"cmdline: {text!r} is not a regular expression: {error}") from error


def _template(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError("name: expected a text")  # noqa: TRY004 - one kind for all
    for word, match in _PLACE.findall(text):
        if (word != MATCHES or not match) and (word not in PLACES or match):
            raise ValueError(f"name: there is no {{{{.{word}}}}}; there are {_known()}")
    if "{{" in _PLACE.sub("", text):
        raise ValueError(f"name: expected no more between {{{{ and }}}} than one of {_known()}")
    return text


def _known() -> str:
    return ", ".join(f".{place}" for place in (*PLACES, f"{MATCHES}.NAME"))
