"""The parts of pages that are made from the code, and how they get into their page.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`, in SQL `-- generated: NAME` and `-- end`;
everything around it is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.docs import analysis, application, dashboards, flags, metrics, noise, rights, settings, upstream

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SQL = ROOT / "deploy" / "sql"
PART = re.compile(r"((?:<!)?-- generated: (\w+)(?: -->)?\n).*?((?:<!)?-- end(?: -->)?\n)", re.DOTALL)

PAGES: Mapping[Path, Mapping[str, Callable[[], str]]] = {
    DOCS / "alerting.md": {"noise": noise.tables},
    DOCS / "analysis.md": {"judged": analysis.tables},
    DOCS / "application-metrics.md": {"application": application.metrics},
    DOCS / "configuration.md": {"settings": settings.tables},
    DOCS / "dashboards.md": {"dashboards": dashboards.dashboards},
    DOCS / "metrics.md": {"catalogue": metrics.catalogue_tables},
    DOCS / "compat.md": {"exceptions": upstream.exceptions, "missing": upstream.missing},
    DOCS / "sql.md": {"rights": rights.right_table},
    SQL / "role.sql": {"connections": rights.connections, "rights": rights.rights},
    SQL / "read_data.sql": {"readers": rights.readers},
    **{DOCS / "migrating" / f"{name}.md": {"flags": partial(flags.flags, name)} for name in flags.EXPORTERS},
}
"""Page -> its parts by name."""


def generated(page: Path) -> str:
    """The page's text with its parts made anew.

    Raises:
        KeyError: the page names a part that is not made.
    """
    gap = "" if page.suffix == ".sql" else "\n"  # a blank line would cut a remark of SQL in two
    return PART.sub(lambda part: f"{part[1]}{gap}{PAGES[page][part[2]]()}\n{gap}{part[3]}", page.read_text())


def by_hand(text: str) -> str:
    """A page's text without its generated parts."""
    return PART.sub("", text)


def part_names(page: Path) -> list[str]:
    """The parts that the page asks for."""
    return [part[2] for part in PART.finditer(page.read_text())]
