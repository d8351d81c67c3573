"""The text encoder beside prometheus_client's, on the same 300,000 samples with three labels."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from exporter.expose.text import TextEncoder
from exporter.model.metric import gauge
from exporter.model.table import Column, Table
from tests.bench.measure import MB, alternately, in_a_process, own_peak_of, seconds
from tests.bench.report import Figure, Report, compared
from tests.bench.stacks import Stacks

ROWS, METRICS = 10_000, 30
LABELS = ("datname", "schemaname", "relname")
NAMES = [f"pg_stat_user_tables_column_{n:02}" for n in range(METRICS)]
HELP = "What this column counts."
KEYS = [("shop", "public", f"table_{n:05}") for n in range(ROWS)]
ROUNDS = 5
ABOUT = (
    f"{ROWS * METRICS:,} samples ({ROWS:,} rows of three labels, {METRICS} metrics) written as text format "
    "0.0.4, beside `generate_latest` of prometheus_client, which is given families that are made already."
)


def table(*, text: bool = False) -> Table:
    """The samples as a collector returns them: as numbers, or as a PostgreSQL server writes them."""
    values = [float(n * 37) for n in range(ROWS)]
    shown = [str(int(value)) for value in values] if text else values
    return Table(LABELS, KEYS, [Column(gauge(name, HELP), shown) for name in NAMES])


def family(name: str) -> Family:
    """The same as one family of prometheus_client."""
    made = GaugeMetricFamily(name, HELP, labels=LABELS)
    for n, key in enumerate(KEYS):
        made.add_metric(key, float(n * 37))
    return made


class _Made(Collector):
    def __init__(self) -> None:
        self._families = [family(name) for name in NAMES]

    def collect(self) -> Iterable[Family]:
        return self._families


def ours(*, text: bool = False, kept: bool = True) -> Callable[[], list[bytes]]:
    """Writes the page; with the label parts of the page before, or as the first one."""
    encoder, tables = TextEncoder(), [table(text=text)]
    if not kept:
        return lambda: TextEncoder().encode(tables)
    encoder.encode(tables)
    return lambda: encoder.encode(tables)


def theirs() -> Callable[[], bytes]:
    """Writes the page with prometheus_client, from families that are made already."""
    registry = CollectorRegistry()
    registry.register(_Made())
    return lambda: generate_latest(registry)


def peak(whose: str) -> int:
    """How many bytes more the process needs while it writes the page."""
    return own_peak_of(ours() if whose == "ours" else theirs())


def run(_stacks: Stacks) -> Report:
    """Rates and memory."""
    writers = {"later": ours(), "text": ours(text=True), "first": ours(kept=False), "theirs": theirs()}
    gc.collect()
    took = alternately(ROUNDS, **{name: _timed(writer) for name, writer in writers.items()})

    def rate(what: str, name: str, at_least: float | None = None) -> Figure:
        mine, their = (ROWS * METRICS / took[which] for which in (name, "theirs"))
        return Figure(what=what, ours=mine, theirs=their, unit="samples/s", at_least=at_least)

    memory = {whose: in_a_process(peak, whose) / MB for whose in ("ours", "theirs")}
    figures = [
        rate("rate", "later", at_least=8),
        rate("rate, values as PostgreSQL's text", "text"),
        rate("rate, first page", "first"),
        compared("memory needed beyond the samples", memory, "MB"),
    ]
    return Report("Text encoder", ABOUT, figures)


def _timed(writer: Callable[[], object]) -> Callable[[], float]:
    return lambda: seconds(writer)
