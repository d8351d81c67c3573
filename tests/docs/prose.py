"""Reads pages as tests need it: fenced blocks, links, headings, words that look like names of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.generated import DOCS, ROOT, by_hand

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its page, its language, its text."""

    page: Path
    language: str
    text: str


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def name_of(page: Path) -> str:
    """The page's path from the project's root, for test ids."""
    return str(page.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> list[Block]:
    """The page's fenced blocks in these languages."""
    found = FENCE.findall(page.read_text())
    return [Block(page, language, text) for language, text in found if language in languages]


def all_blocks(*languages: str) -> list[Block]:
    """The fenced blocks of all pages."""
    return [block for page in pages() for block in blocks(page, *languages)]


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Links to other pages of the project: the path and the anchor, either may be empty."""
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    """The anchors of the page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def written(page: Path) -> str:
    """What is written by hand on the page."""
    return by_hand(page.read_text())


def code_of(page: Path) -> Iterator[str]:
    """All code on the page that is written by hand: the lines of blocks, and what stands in backticks."""
    text = written(page)
    for _, block in FENCE.findall(text):
        yield from block.splitlines()
    yield from CODE.findall(FENCE.sub("", text))
