"""What a fleet costs Prometheus: memory for each series, bytes on disk for each sample."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from exporter.demo.process import LOOPBACK
from tests.bench.measure import MB, cpu_seconds, rss_bytes
from tests.bench.scaling_fleet import INTERVAL_SECONDS, Watching, probing
from tests.servers import Prometheus, page

DENSE_TARGETS = 10
DENSE_SECONDS = 140
"""A chunk has 120 samples: at one a second, each series fills one and begins another."""
MONTH_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Storage:
    """Figures of a Prometheus over the whole fleet, and of one that took many samples of a few targets.

    Attributes:
        targets: how many the first one watches.
        series: that it has.
        rss: its memory.
        chunk_bytes: on disk for each sample, without the index.
        index_bytes: of the index for each series of a block.
        cpu: its seconds for each second.
    """

    targets: int
    series: int
    rss: int
    cpu: float
    chunk_bytes: float
    index_bytes: float

    def rows(self) -> list[tuple[str, str]]:
        """The lines of a table."""
        per_target = self.series / self.targets
        month = per_target * MONTH_SECONDS / INTERVAL_SECONDS * self.chunk_bytes
        return [
            (f"series of {self.targets} targets", f"{self.series:,}"),
            ("samples a second", f"{self.series / INTERVAL_SECONDS:,.0f}"),
            ("memory (RSS)", f"{self.rss / MB:,.0f} MB"),
            ("memory for each series", f"{self.rss / self.series / 1000:.1f} kB"),
            ("CPU, of one core, without rules", f"{self.cpu:.1%}"),
            ("on disk for each sample, without the index", f"{self.chunk_bytes:.2f} bytes"),
            ("index of a block, for each series", f"{self.index_bytes:.0f} bytes"),
            ("on disk for each target, 30 days", f"{month / MB:,.0f} MB"),
        ]


def stored(prometheus: Prometheus, watching: Watching) -> Storage:
    """Reads the running one, and has another one fill its chunks."""
    (head,) = prometheus.query("count({__name__=~'.+'})")
    cpu = cpu_seconds(prometheus.pid)
    chunks, index = dense(watching)
    return Storage(
        targets=len(watching.targets),
        series=int(head["value"][1]),
        rss=rss_bytes(prometheus.pid),
        cpu=(cpu_seconds(prometheus.pid) - cpu) / DENSE_SECONDS,
        chunk_bytes=chunks,
        index_bytes=index,
    )


def dense(watching: Watching) -> tuple[float, float]:
    """Bytes for each sample, and of the index for each series, of a block of busy targets."""
    names = watching.folder / "dense.json"
    names.write_text(json.dumps([{"targets": list(watching.targets)[:DENSE_TARGETS]}]))
    with probing(names, watching.exporter.port, 1) as prometheus:
        sleep(DENSE_SECONDS)
        answer = page.request(prometheus.port, "/api/v1/admin/tsdb/snapshot", method="POST", timeout=60)
        assert answer.status == 200, f"{LOOPBACK}:{prometheus.port}: {answer.text}"
        snapshot = prometheus.folder / "data" / "snapshots" / json.loads(answer.body)["data"]["name"]
        (block,) = (meta.parent for meta in snapshot.glob("*/meta.json"))
        stats = json.loads((block / "meta.json").read_text())["stats"]
        return _size(block / "chunks") / stats["numSamples"], _size(block / "index") / stats["numSeries"]


def _size(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)
