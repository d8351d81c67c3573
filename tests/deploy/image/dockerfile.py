"""Reads the Dockerfile: its stages, and what each instruction says. The tests repeat nothing of it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = ROOT / "Dockerfile"
VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: RUN, COPY ..., and the text after it with its lines joined."""

    keyword: str
    text: str

    @property
    def words(self) -> list[str]:
        """The text as a shell splits it."""
        return shlex.split(self.text)

    @property
    def pairs(self) -> dict[str, str]:
        """NAME=value of ENV, LABEL and ARG; an ARG without a value is not among them."""
        return dict(word.split("=", 1) for word in self.words if "=" in word)

    @property
    def exec_form(self) -> list[str]:
        """The command of an exec form, the JSON list at the end of the text.

        Raises:
            ValueError: it is a shell form.
        """
        command = json.loads(self.text[self.text.index("[") :])
        return [str(word) for word in command]


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands between one FROM and the next: what it begins with, its name, its steps."""

    base: str
    name: str
    steps: tuple[Instruction, ...]

    def all(self, keyword: str) -> list[Instruction]:
        """The instructions of one kind, in their order."""
        return [step for step in self.steps if step.keyword == keyword]

    def one(self, keyword: str) -> Instruction:
        """The only instruction of its kind.

        Raises:
            ValueError: there is none, or more than one.
        """
        (found,) = self.all(keyword)
        return found


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, without comments; heredocs are not read."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for joined in "\n".join(lines).replace("\\\n", " ").splitlines():
        keyword, _, rest = joined.strip().partition(" ")
        yield Instruction(keyword.upper(), re.sub(r" {2,}", " ", rest.strip()))


def stages(text: str | None = None) -> list[Stage]:
    """The stages of the project's Dockerfile, or of another text."""
    found: list[Stage] = []
    for step in instructions(DOCKERFILE.read_text() if text is None else text):
        if step.keyword == "FROM":
            base, _, name = step.text.partition(" AS ")
            found.append(Stage(base, name, ()))
        else:
            last = found.pop()
            found.append(Stage(last.base, last.name, (*last.steps, step)))
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """The text with $NAME and ${NAME} replaced; what is unknown becomes empty, as builders do it."""
    return VARIABLE.sub(lambda match: variables.get(match[1] or match[2], ""), text)
