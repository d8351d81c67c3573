"""11,000 tables in four databases: the whole scrape, beside postgres_exporter with its queries file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from tests.bench.measure import MB, alternately, page_seconds, peak_bytes, samples_on
from tests.bench.report import Figure, Report, compared
from tests.bench.stacks import OURS, SAME_AS_UPSTREAM, THEIRS, Stacks, Watched, collect

ROUNDS = 7
PATH = collect(*SAME_AS_UPSTREAM)
OF_TABLES = re.compile(r"pg_stat(?:io)?_user_tables_\w+", re.ASCII)
ABOUT = (
    "Four databases with 2,750 tables each, three rows and two indexes in each table; the whole scrape over "
    "HTTP of what both exporters show alike, beside postgres_exporter with the queries file of its package "
    f"and `--auto-discover-databases`. Ours is asked with {len(SAME_AS_UPSTREAM)} times `collect[]`."
)
SIDE_BY_SIDE = (
    "Queries of sessions that work side by side are summed: a scrape can take less time than they do."
)


def run(stacks: Stacks) -> Report:
    """Wall time, memory, and how much of the time is the server's."""
    watched = stacks.large
    pages = {
        "ours": watched.ours.get(PATH, timeout=120).text,
        "theirs": watched.theirs.get(timeout=120).text,
    }
    watched.forget_statements()
    took = scrape_milliseconds(watched)
    queries = {
        "ours": watched.statements(OURS).milliseconds / (2 * ROUNDS),
        "theirs": watched.statements(THEIRS).milliseconds / (2 * ROUNDS),
    }
    memory = {name: peak_bytes(getattr(watched, name).pid) / MB for name in pages}
    figures = [
        Figure(what="scrape", ours=took["ours"], theirs=took["theirs"], unit="ms", at_most=0.35),
        Figure(
            what="scrape, gzip", ours=took["ours_gzip"], theirs=took["theirs_gzip"], unit="ms", at_most=0.35
        ),
        compared("its queries in the server", queries, "ms"),
        Figure(what="scrape / queries", ours=took["ours"] / queries["ours"], at_most=1.5),
        Figure(what="scrape / queries, gzip", ours=took["ours_gzip"] / queries["ours"], at_most=1.5),
        compared("peak memory", memory, "MB", at_most=0.6),
        compared("samples", {name: samples_on(page) for name, page in pages.items()}),
        compared("page", {name: len(page) / MB for name, page in pages.items()}, "MB"),
    ]
    return Report("11,000 tables", ABOUT, figures, [*match(pages), SIDE_BY_SIDE])


def scrape_milliseconds(watched: Watched) -> dict[str, float]:
    """Both exporters' scrapes, plain and packed."""
    ours, theirs = watched.ours.port, watched.theirs.port
    took = alternately(
        ROUNDS,
        ours=lambda: page_seconds(ours, PATH),
        theirs=lambda: page_seconds(theirs),
        ours_gzip=lambda: page_seconds(ours, PATH, gzip=True),
        theirs_gzip=lambda: page_seconds(theirs, gzip=True),
    )
    return {name: value * 1000 for name, value in took.items()}


def match(pages: Mapping[str, str]) -> list[str]:
    """How the series about tables on both pages compare, one sentence for each finding."""
    ours, theirs = per_table(pages["ours"]), per_table(pages["theirs"])
    same = [name for name, count in theirs.items() if ours.get(name) == count]
    found, wanted = sum(theirs[name] for name in same), sum(theirs.values())
    counts = f"{len(same)} of their {len(theirs)} metrics of tables, {found:,} of {wanted:,} series"
    notes = [f"{counts}, are on our page in the same number, under today's names."]
    if missing := [name for name in theirs if name not in same]:
        notes.append(f"In another number on ours: {_listed(missing)}.")
    if more := [name for name in ours if name not in theirs]:
        notes.append(f"Only on ours: {_listed(more)}, {sum(ours[name] for name in more):,} series.")
    return notes


def per_table(page: str) -> dict[str, int]:
    """The metrics of tables by the name that today's postgres_exporter has: how many series each has."""
    names = (OF_TABLES.match(line) for line in page.split("\n") if line.startswith("pg_stat"))
    return dict(Counter(found[0].replace("_blks_", "_blocks_") for found in names if found))


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
