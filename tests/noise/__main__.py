"""The figures of docs/alerting.md: `python -m tests.noise`, or `make noise`.

About fifteen minutes on two idle cores: the rules over sixteen days take most of it. Then `make docs` draws
the tables.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path
from time import monotonic

from tests.noise import figures, promtool, shapes, world
from tests.noise.promtool import Firing
from tests.noise.week import DAY, HOUR, QUIET

EVALUATION_SECONDS = 1500.0


def main() -> int:
    """Generates, evaluates, replays and writes."""
    parser = argparse.ArgumentParser(prog="python -m tests.noise", description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="minutes between two evaluations")
    parser.add_argument("--keep", type=Path, help="a folder for what was generated and what fired")
    options = parser.parse_args()
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns of its own next version
    with tempfile.TemporaryDirectory() as folder:
        found = timeline(options.keep or Path(folder), options.step)
    figures.save(figures.results(found, options.step))
    print(f"written: {figures.FILE.name}")
    return 0


def timeline(folder: Path, step: int) -> list[Firing]:
    """What fires in the quiet week and after it."""
    began = monotonic()
    series = world.build(shapes.load())
    print(f"{len(series)} series of {world.DAYS} days after {monotonic() - began:.0f} s", flush=True)
    asked = range(QUIET.start, world.DAYS * DAY, step)
    found = promtool.evaluate(folder, series, asked, EVALUATION_SECONDS)
    print(f"{len(found)} alerts after {monotonic() - began:.0f} s", flush=True)
    (folder / "fired.txt").write_text("\n".join(map(line, found)))
    return found


def line(firing: Firing) -> str:
    """A firing for people."""
    usual = ("alertname", "severity", "category", "service")
    labels = " ".join(f"{k}={v}" for k, v in sorted(firing.labels) if k not in usual)
    clock = f"day {firing.start // DAY} {firing.start % DAY // HOUR:02}:{firing.start % HOUR:02}"
    state = "waited" if firing.pending else "fired"
    return f"{clock} {state} {firing.end - firing.start} min {firing.name} {firing.severity} {labels}"


if __name__ == "__main__":
    sys.exit(main())
