"""A small stack: what a scrape costs our process, beside the exporters that it replaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import sleep

from tests.bench.measure import (
    MB,
    Scraper,
    alternately,
    cpu_seconds,
    family,
    peak_bytes,
    pss_bytes,
    rss_bytes,
    samples_on,
)
from tests.bench.report import Figure, Report, compared
from tests.bench.stacks import Stacks, collect
from tests.servers import Exporter, Upstream

ROUNDS = 5
SCRAPES = 100
PACED_SCRAPES = 12
PAUSE_SECONDS = 5.5
"""Longer than any list that our process keeps between two scrapes."""
WHOLE = "/metrics"
KINDS = {
    "three": "three, gzip",
    "three_plain": "three, plain",
    "all": "all, gzip",
    "all_plain": "all, plain",
    "all_paced": "all, gzip, with pauses",
}
PATH = collect("postgres", "redis", "host")
ABOUT = (
    "One database, one Redis, a PgBouncer with ten clients and the host: CPU time of our process and its "
    "helper for one scrape, beside the sum of the upstream exporters for a scrape of each, over kept "
    "connections. `three` is PostgreSQL, Redis and the host; `all` is the whole page, beside "
    "pgbouncer_exporter as well."
)
PACED = (
    f"The line with pauses: {PACED_SCRAPES} scrapes, {PAUSE_SECONDS} s apart, with all that the processes do "
    "in between."
)
NOTES = (
    f"Medians of {ROUNDS} alternating rounds of {SCRAPES} scrapes, one after the other.",
    PACED,
    "pgbouncer_exporter 1.7 of Debian is written in Python, and shows less than the one of today.",
    "PSS counts a page of memory that n processes share as 1/n page for each.",
)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison: its processes, and how all its pages are fetched once."""

    pids: Sequence[int]
    pages: Callable[[], object]

    def milliseconds(self, scrapes: int = SCRAPES, pause: float = 0.0) -> float:
        """CPU time for each scrape, with what the processes do in the pauses."""
        before = cpu_seconds(*self.pids)
        for _ in range(scrapes):
            self.pages()
            sleep(pause)
        return (cpu_seconds(*self.pids) - before) * 1000 / scrapes


def run(stacks: Stacks) -> Report:
    """CPU, memory and samples."""
    ours = stacks.small.ours
    three = (stacks.small.theirs, stacks.redis_exporter, stacks.node_exporter)
    four = (*three, stacks.pgbouncer_exporter)
    figures = [*cpu_figures(ours, three, stacks.pgbouncer_exporter), *size_figures(ours, four)]
    for what, path, theirs in (("three", PATH, three), ("all", WHOLE, four)):
        counts = {
            "ours": samples_on(ours.get(path).text),
            "theirs": sum(samples_on(upstream.scrape()) for upstream in theirs),
        }
        figures.append(compared(f"samples, {what}", counts))
    return Report("Small stack", ABOUT, figures, NOTES)


def cpu_figures(ours: Exporter, three: Sequence[Upstream], fourth: Upstream) -> list[Figure]:
    """One scrape after the other, and with pauses."""
    with ExitStack() as connections:

        def side(exporters: Sequence[Exporter | Upstream], path: str = WHOLE, *, gzip: bool = True) -> Side:
            scrapers = [connections.enter_context(Scraper(e.port, path, gzip=gzip)) for e in exporters]
            return Side([e.pid for e in exporters], lambda: [scraper.page() for scraper in scrapers])

        sides = {
            "three": side([ours], PATH),
            "their_three": side(three),
            "three_plain": side([ours], PATH, gzip=False),
            "their_three_plain": side(three, gzip=False),
            "all": side([ours]),
            "all_plain": side([ours], gzip=False),
            "fourth": side([fourth]),
        }
        for every in sides.values():
            every.milliseconds(20)
        cpu = alternately(ROUNDS, **{name: every.milliseconds for name, every in sides.items()})
        for name in ("all", "their_three", "fourth"):
            cpu[f"{name}_paced"] = sides[name].milliseconds(PACED_SCRAPES, PAUSE_SECONDS)

    cpu["their_all"] = cpu["their_three"] + cpu["fourth"]
    cpu["their_all_plain"] = cpu["their_three_plain"] + cpu["fourth"]
    cpu["their_all_paced"] = cpu["their_three_paced"] + cpu["fourth_paced"]
    return [
        Figure(
            what=f"CPU per scrape, {what}", ours=cpu[name], theirs=cpu[f"their_{name}"], unit="ms", at_most=1
        )
        for name, what in KINDS.items()
    ]


def size_figures(ours: Exporter, theirs: Sequence[Upstream]) -> list[Figure]:
    """Resident memory after all that."""
    main, *helpers = (process.pid for process in family(ours.pid))

    def sums(what: str, measure: Callable[[int], int]) -> Figure:
        of = {"ours": [main, *helpers], "theirs": [upstream.pid for upstream in theirs]}
        return compared(what, {who: sum(map(measure, pids)) / MB for who, pids in of.items()}, "MB")

    return [
        Figure(what="resident memory, main process", ours=rss_bytes(main) / MB, unit="MB", at_most=70),
        Figure(what="resident memory, helper", ours=sum(map(rss_bytes, helpers)) / MB, unit="MB"),
        sums("resident memory, all", rss_bytes),
        sums("PSS, all", pss_bytes),
        sums("peak resident memory, all", peak_bytes),
    ]
