"""What a fleet costs: 50 and 200 named targets on one exporter, a Prometheus that probes each every 15 s.

`python -m tests.bench.scaling` takes a quarter of an hour, prints tables and puts them into docs/scaling.md.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from time import monotonic, sleep

from tests.bench.measure import MB, cpu_seconds, rss_bytes
from tests.bench.report import table
from tests.bench.scaling_fleet import (
    INTERVAL_SECONDS,
    TARGETS,
    Servers,
    Watching,
    probing,
    servers,
)
from tests.bench.scaling_storage import Storage, stored
from tests.servers import Prometheus, catalogue

PAGE = catalogue.ROOT / "docs" / "scaling.md"
PART = re.compile(r"(<!-- measured -->\n).*?(<!-- measured end -->\n)", re.DOTALL)
SIZES = (50, TARGETS)
START_SECONDS = 60
"""The background runs of all targets have begun by then."""
WARM_SECONDS, WINDOW_SECONDS, DEAD_SECONDS, BACK_SECONDS = 45, 120, 75, 120


@dataclass(frozen=True, slots=True)
class Window:
    """What the exporter did and had in some time under Prometheus.

    Attributes:
        scrapes: of all targets.
        cpu: seconds of it that each second took.
        took: how long each scrape took, sorted.
        logins: sessions opened in each minute.
        samples: of all targets together, for one scrape of each.
    """

    scrapes: int
    cpu: float
    took: Sequence[float]
    logins: float
    samples: int
    rss: int
    descriptors: int
    sessions: int

    @property
    def milliseconds(self) -> float:
        """CPU for each scrape, with what runs in the background."""
        return self.cpu * WINDOW_SECONDS * 1000 / self.scrapes


@dataclass(frozen=True, slots=True)
class Start:
    """How a fleet came up before anybody scraped it."""

    ready_seconds: float
    cpu_seconds: float
    rss: int
    in_a_second: int
    in_a_tenth: int


@dataclass(frozen=True, slots=True)
class Incidents:
    """A fifth of the targets that answer nothing, and a reload with one changed."""

    live: Sequence[float]
    dead: Sequence[float]
    cpu: float
    rss: int
    descriptors: int
    back_seconds: float
    reload_seconds: float
    reload_logins: int
    slowest_meanwhile: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One size of the fleet."""

    targets: int
    start: Start
    window: Window
    incidents: Incidents | None
    storage: Storage | None


def measure(there: Servers, count: int, *, whole: bool) -> Measured:
    """Starts an exporter with that many targets, and watches it."""
    with ExitStack() as stack:
        began, before = monotonic(), len(list(there.logins()))
        watching = stack.enter_context(Watching(there.targets(count)))
        start = started(there, watching, monotonic() - began, before)
        stack.enter_context(there.busy())
        prometheus = stack.enter_context(probing(watching.names, watching.exporter.port, INTERVAL_SECONDS))
        sleep(WARM_SECONDS)
        window = watched(there, watching, prometheus)
        print(
            table(("", f"{count} targets"), costs([Measured(count, start, window, None, None)])),
            flush=True,
        )
        if not whole:
            return Measured(count, start, window, None, None)
        storage = stored(prometheus, watching)
        return Measured(count, start, window, incidents(there, watching, prometheus), storage)


def started(there: Servers, watching: Watching, ready: float, before: int) -> Start:
    """The first seconds."""
    pid = watching.exporter.pid
    sleep(START_SECONDS)
    second, tenth = (there.most_logins(digits, before) for digits in (8, 10))
    return Start(ready, cpu_seconds(pid), rss_bytes(pid), second, tenth)


def watched(there: Servers, watching: Watching, prometheus: Prometheus) -> Window:
    """A window of two minutes."""
    pid = watching.exporter.pid
    cpu, logins = cpu_seconds(pid), len(list(there.logins()))
    sleep(WINDOW_SECONDS)
    cpu, logins = cpu_seconds(pid) - cpu, len(list(there.logins())) - logins
    took = durations(prometheus, "", WINDOW_SECONDS)
    (samples,) = prometheus.query("sum(scrape_samples_scraped)")
    up = prometheus.query("sum(up)")[0]["value"][1]
    assert int(up) == len(watching.targets), f"{up} are up; {watching.exporter.log[-2000:]}"
    return Window(
        scrapes=len(took),
        cpu=cpu / WINDOW_SECONDS,
        took=took,
        logins=logins * 60 / WINDOW_SECONDS,
        samples=int(samples["value"][1]),
        rss=rss_bytes(pid),
        descriptors=watching.exporter.open_fds(),
        sessions=sum(there.sessions()),
    )


def durations(prometheus: Prometheus, selector: str, seconds: int) -> list[float]:
    """How long each scrape of the last seconds took, sorted."""
    series = prometheus.query(f"scrape_duration_seconds{{{selector}}}[{seconds}s]")
    return sorted(float(value) for one in series for _, value in one["values"])


def incidents(there: Servers, watching: Watching, prometheus: Prometheus) -> Incidents:
    """Freezes the first PostgreSQL and the first Redis, a fifth of all; then changes one target."""
    dead = (there.postgres[0], there.redis[0])
    for server in dead:
        server.freeze()
    try:
        sleep(INTERVAL_SECONDS)
        cpu = cpu_seconds(watching.exporter.pid)
        sleep(DEAD_SECONDS)
        cpu = (cpu_seconds(watching.exporter.pid) - cpu) / DEAD_SECONDS
        live, gone = (
            durations(prometheus, f'instance{is_or_not}~"(pg|redis)-0-.*"', DEAD_SECONDS)
            for is_or_not in ("!", "=")
        )
        rss, descriptors = rss_bytes(watching.exporter.pid), watching.exporter.open_fds()
    finally:
        for server in dead:
            server.thaw()
    began = monotonic()
    prometheus.wait_for("count(pg_up == 1) + count(redis_up == 1) == count(up)", BACK_SECONDS)
    back = monotonic() - began
    return Incidents(live, gone, cpu, rss, descriptors, back, *reloaded(there, watching, prometheus))


def reloaded(there: Servers, watching: Watching, prometheus: Prometheus) -> tuple[float, int, float]:
    """Seconds of a reload with one target changed, logins in the five seconds after, the slowest scrape."""
    changed = json.loads(json.dumps(watching.targets))
    changed["pg-1-00"]["postgres"]["max_connections"] = 2
    sleep(INTERVAL_SECONDS)
    before = len(list(there.logins()))
    watching.write(changed)
    began = monotonic()
    assert watching.exporter.post("/-/reload").status == 200
    took = monotonic() - began
    sleep(5)
    logins = len(list(there.logins())) - before
    sleep(INTERVAL_SECONDS - 5)
    return took, logins, max(durations(prometheus, "", INTERVAL_SECONDS))


def main() -> int:
    """Measures, prints, and puts the tables into the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scaling")
    parser.add_argument("--print", action="store_true", help="leave the page as it is")
    only_print = parser.parse_args().print
    with servers() as there:
        found = []
        for size in SIZES:
            found.append(measure(there, size, whole=size == SIZES[-1]))
            print(f"{size} targets: done", flush=True)
    text = tables(found)
    print(text)
    if not only_print:
        write(PAGE, text)
    return 0


def write(page: Path, text: str) -> None:
    """Puts the tables where they belong."""
    page.write_text(PART.sub(lambda part: f"{part[1]}\n{text}\n{part[2]}", page.read_text()))


def tables(found: Sequence[Measured]) -> str:
    """All that was measured."""
    parts = [table(("one exporter", *(f"{m.targets} targets" for m in found)), costs(found))]
    whole = found[-1]
    assert whole.incidents is not None
    assert whole.storage is not None
    parts.append(table(("what happens", "figure"), happened(whole.incidents)))
    parts.append(table(("Prometheus", "figure"), whole.storage.rows()))
    return "\n".join(parts)


def costs(found: Sequence[Measured]) -> list[tuple[str, ...]]:
    """The lines of the first table."""
    lines: list[tuple[str, list[str]]] = [
        ("samples of a round of scrapes", [f"{m.window.samples:,}" for m in found]),
        ("CPU, of one core", [f"{m.window.cpu:.1%}" for m in found]),
        ("CPU of a scrape, background runs included", [f"{m.window.milliseconds:.1f} ms" for m in found]),
        ("memory (RSS)", [f"{m.window.rss / MB:.0f} MB" for m in found]),
        ("memory before the first scrape", [f"{m.start.rss / MB:.0f} MB" for m in found]),
        ("scrape, median", [f"{median(m.window.took) * 1000:.0f} ms" for m in found]),
        ("scrape, 95th percentile", [f"{percentile(m.window.took, 95) * 1000:.0f} ms" for m in found]),
        ("scrape, slowest", [f"{m.window.took[-1] * 1000:.0f} ms" for m in found]),
        ("open file descriptors", [str(m.window.descriptors) for m in found]),
        ("sessions on all PostgreSQL servers", [str(m.window.sessions) for m in found]),
        ("sessions opened, each minute", [f"{m.window.logins:.0f}" for m in found]),
        ("start, until it answers", [f"{m.start.ready_seconds:.1f} s" for m in found]),
        (f"CPU of the first {START_SECONDS} s", [f"{m.start.cpu_seconds:.1f} s" for m in found]),
        ("sessions opened in one second, at most", [str(m.start.in_a_second) for m in found]),
        ("sessions opened in a tenth of one, at most", [str(m.start.in_a_tenth) for m in found]),
    ]
    return [(what, *cells) for what, cells in lines]


def happened(seen: Incidents) -> list[tuple[str, str]]:
    """The lines of the second table."""
    return [
        ("a fifth is dead: scrape of a live target, median", f"{median(seen.live) * 1000:.0f} ms"),
        ("... 95th percentile", f"{percentile(seen.live, 95) * 1000:.0f} ms"),
        ("... of a dead one from its second scrape on, median", f"{median(seen.dead):.2f} s"),
        ("... slowest", f"{seen.dead[-1]:.2f} s"),
        ("... CPU, of one core", f"{seen.cpu:.1%}"),
        ("... memory, file descriptors", f"{seen.rss / MB:.0f} MB, {seen.descriptors}"),
        ("... all are up again after", f"{seen.back_seconds:.0f} s"),
        ("reload with one of them changed", f"{seen.reload_seconds:.2f} s"),
        ("... sessions opened in the five seconds after, with the usual ones", str(seen.reload_logins)),
        ("... slowest scrape of that round", f"{seen.slowest_meanwhile * 1000:.0f} ms"),
    ]


def percentile(values: Sequence[float], percent: int) -> float:
    """Of sorted or unsorted values."""
    return quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    raise SystemExit(main())
