"""The parts of pages that are made from the code, and how they get into their page.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything around it is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.docs import analysis, application, dashboards, metrics, noise, settings, upstream

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)

PAGES: Mapping[Path, Mapping[str, Callable[[], str]]] = {
    DOCS / "alerting.md": {"noise": noise.tables},
    DOCS / "analysis.md": {"judged": analysis.tables},
    DOCS / "application-metrics.md": {"application": application.metrics},
    DOCS / "configuration.md": {"settings": settings.tables},
    DOCS / "dashboards.md": {"dashboards": dashboards.dashboards},
    DOCS / "metrics.md": {"catalogue": metrics.catalogue_tables},
    DOCS / "compat.md": {"exceptions": upstream.exceptions, "missing": upstream.missing},
}
"""Page -> its parts by name."""


def generated(page: Path) -> str:
    """The page's text with its parts made anew.

    Raises:
        KeyError: the page names a part that is not made.
    """
    return PART.sub(lambda part: f"{part[1]}\n{PAGES[page][part[2]]()}\n\n{part[3]}", page.read_text())


def by_hand(text: str) -> str:
    """A page's text without its generated parts."""
    return PART.sub("", text)


def part_names(page: Path) -> list[str]:
    """The parts that the page asks for."""
    return [part[2] for part in PART.finditer(page.read_text())]
