"""What a scrape costs the watched PostgreSQL server, beside postgres_exporter for the same metrics."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep

from tests.bench import table_time
from tests.bench.measure import page_seconds
from tests.bench.report import Figure, Report, compared
from tests.bench.stacks import OURS, SAME_AS_UPSTREAM, THEIRS, Stacks, Watched, collect

SCRAPES = 10
PAUSE_SECONDS = 5.2
"""Longer than any list that our process keeps between two scrapes."""
PATH = collect(*SAME_AS_UPSTREAM)
ABOUT = (
    "Planning and execution time of all statements of a scrape, from pg_stat_statements, where each exporter "
    "has a role of its own; the metrics that both show alike."
)
SESSIONS = (
    "Includes what a session needs at its start: ours opens those in other databases for each scrape and "
    "closes them after it."
)
NOTES = (
    f"Sums over {SCRAPES} alternating scrapes {PAUSE_SECONDS} s apart, divided by their number.",
    SESSIONS,
)


def run(stacks: Stacks) -> Report:
    """Milliseconds and statements, on the small stack and on the large one."""
    figures = [
        *_figures("small stack", stacks.small),
        *_figures("11,000 tables", stacks.large),
        table_time.figure(stacks.large),
    ]
    return Report("Time in the PostgreSQL server", ABOUT, figures, NOTES)


def _figures(where: str, watched: Watched) -> list[Figure]:
    scrapes: tuple[Callable[[], float], ...] = (
        lambda: page_seconds(watched.ours.port, PATH),
        lambda: page_seconds(watched.theirs.port),
    )
    for scrape in scrapes * 2:
        scrape()
    watched.forget_statements()
    for _ in range(SCRAPES):
        for scrape in scrapes:
            scrape()
        sleep(PAUSE_SECONDS)
    ours, theirs = watched.statements(OURS), watched.statements(THEIRS)
    times = {"ours": ours.milliseconds / SCRAPES, "theirs": theirs.milliseconds / SCRAPES}
    calls = {"ours": ours.calls / SCRAPES, "theirs": theirs.calls / SCRAPES}
    return [
        compared(f"server time per scrape, {where}", times, "ms", at_most=1),
        compared(f"statements per scrape, {where}", calls),
    ]
