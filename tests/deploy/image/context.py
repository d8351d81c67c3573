"""What a builder gets of the project: the files that .dockerignore leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from tests.deploy.image.dockerfile import ROOT

IGNORE = ROOT / ".dockerignore"


def patterns(text: str | None = None) -> list[tuple[bool, re.Pattern[str]]]:
    """(keeps, pattern) of each line, in their order: the last one that matches a path decides."""
    lines = (IGNORE.read_text() if text is None else text).splitlines()
    rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [(rule[0] == "!", re.compile(_expression(rule.removeprefix("!").strip("/")))) for rule in rules]


def kept(path: str, rules: list[tuple[bool, re.Pattern[str]]]) -> bool:
    """Whether a file is in the context: a rule that matches one of its folders matches the file."""
    parts = PurePosixPath(path).parts
    above = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    keeps = True
    for keep, pattern in rules:
        if any(pattern.fullmatch(name) for name in above):
            keeps = keep
    return keeps


def files(root: Path = ROOT) -> list[str]:
    """All files of the context below a folder, by their names relative to it."""
    rules = patterns()
    return sorted(name for name in _names(root) if kept(name, rules))


def _names(root: Path) -> Iterator[str]:
    # A folder at the top that no rule can keep is not walked: .venv alone has 20,000 files.
    for top in root.iterdir():
        if top.is_file():
            yield top.name
        elif not top.name.startswith("."):
            yield from _below(root, top.rglob("*"))


def _below(root: Path, paths: Iterable[Path]) -> Iterator[str]:
    return (path.relative_to(root).as_posix() for path in paths if path.is_file())


def _expression(rule: str) -> str:
    """A pattern as Docker reads it: * and ? stay in one folder, ** is any number of folders."""
    translated = re.escape(rule).replace(r"\[", "[").replace(r"\]", "]")
    translated = translated.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*")
    return translated.replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
