"""Draws dashboards with the data of the chain while faults are on: see `python -m tests.previews --help`.

All of them take about six minutes, one takes five. Without a folder the pictures of docs/ are drawn anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import sleep, time

from mixin.preview import draw
from mixin.preview.capture import Window, capture
from mixin.preview.prometheus import Prometheus
from tests.servers.catalogue import ROOT
from tests.servers.chain import Chain
from tests.servers.faults import fill_redis, hold_a_lock, stop_the_replay, take_all_connections

DASHBOARDS = ROOT / "grafana" / "dashboards"
PICTURES = ROOT / "docs" / "images" / "dashboards"
HEALTHY_SECONDS = 180
BROKEN_SECONDS = 60
SCRAPE_SECONDS = 10.0
"""What the data source is told: four of these are the window of a rate, in which what is looked at twice a
minute has grown. Scrapes come every second."""

SHORTER = {
    ("PostgresBlockedSessions", "warning"): {"> 60": "> 10"},
    ("PostgresReplicationLagHigh", "warning"): {"> 30": "> 5", "offset 30s": "offset 5s"},
    ("PostgresReplicationLagHigh", "critical"): {"> 300": "> 20", "offset 5m": "offset 20s"},
}
"""Thresholds that are times."""


def main(arguments: Sequence[str]) -> int:
    """Captures dashboards, then draws their first screens; with a folder also all that is below."""
    options = _parser().parse_args(arguments)
    folder = options.folder or PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(DASHBOARDS.glob("*.json"))
    chosen = [path for path in paths if not options.only or path.stem in options.only]
    draw.prepare()
    with Chain(SHORTER) as chain, ExitStack() as faults:
        sleep(HEALTHY_SECONDS)
        for fault in (hold_a_lock, take_all_connections, fill_redis, stop_the_replay):
            fault(chain, faults)
        chain.application.turn(errors=0.1)
        sleep(BROKEN_SECONDS)
        now = time()
        window = Window(start=now - HEALTHY_SECONDS - BROKEN_SECONDS, end=now, scrape=SCRAPE_SECONDS)
        asked = Prometheus(chain.prometheus.url)
        captured = {path.stem: capture(json.loads(path.read_text()), asked, window, {}) for path in chosen}
    for name, one in captured.items():
        draw.draw(one, folder / f"{name}.png", first=True)
        if options.folder:
            draw.draw(one, folder / f"{name}-whole.png", first=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    names = sorted(path.stem for path in DASHBOARDS.glob("*.json"))
    parser = argparse.ArgumentParser("python -m tests.previews", description="Draws dashboards as PNG.")
    parser.add_argument("folder", nargs="?", type=Path, help="where to; else where docs/ has them")
    parser.add_argument(
        "--only", metavar="NAME", action="append", choices=names, help="this dashboard; may be repeated"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
