"""One database, one Redis, the host: what a scrape costs our process, beside the three that it replaces."""

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
PATH = collect("postgres", "redis", "host")
ABOUT = (
    "One database, one Redis and the host: CPU time of our process and its helper for one scrape of all "
    "three, beside the sum of postgres_exporter, redis_exporter and node_exporter for a scrape of each, "
    "over kept connections."
)
PACED = (
    f"The line with pauses: {PACED_SCRAPES} scrapes, {PAUSE_SECONDS} s apart, with all that the processes "
    "do in between."
)
NOTES = (
    f"Medians of {ROUNDS} alternating rounds of {SCRAPES} scrapes, one after the other.",
    PACED,
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
    theirs = (stacks.small.theirs, stacks.redis_exporter, stacks.node_exporter)
    figures = [*cpu_figures(ours, theirs), *size_figures(ours, theirs)]
    counts = {
        "ours": samples_on(ours.get(PATH).text),
        "theirs": sum(samples_on(upstream.scrape()) for upstream in theirs),
    }
    return Report("Small stack", ABOUT, [*figures, compared("samples", counts)], NOTES)


def cpu_figures(ours: Exporter, theirs: Sequence[Upstream]) -> list[Figure]:
    """One scrape after the other, and with pauses."""
    with ExitStack() as connections:

        def side(exporters: Sequence[Exporter | Upstream], path: str, *, gzip: bool) -> Side:
            scrapers = [connections.enter_context(Scraper(e.port, path, gzip=gzip)) for e in exporters]
            return Side([e.pid for e in exporters], lambda: [scraper.page() for scraper in scrapers])

        sides = {
            "gzip": side([ours], PATH, gzip=True),
            "their_gzip": side(theirs, "/metrics", gzip=True),
            "plain": side([ours], PATH, gzip=False),
            "their_plain": side(theirs, "/metrics", gzip=False),
        }
        for every in sides.values():
            every.milliseconds(20)
        cpu = alternately(ROUNDS, **{name: every.milliseconds for name, every in sides.items()})
        for name in ("gzip", "their_gzip"):
            cpu[f"{name}_paced"] = sides[name].milliseconds(PACED_SCRAPES, PAUSE_SECONDS)

    kinds = {"gzip": "gzip", "plain": "plain", "gzip_paced": "gzip, with pauses"}
    return [
        Figure(what=f"CPU per scrape, {what}", ours=cpu[n], theirs=cpu[f"their_{n}"], unit="ms", at_most=1)
        for n, what in kinds.items()
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
