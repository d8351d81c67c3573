"""The largest keys of each type, and how large keys are: sampled, and by their names, so off by default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.collectors.redis._scan import EXPLAIN, database_label, from_survey, histogram, shortened
from exporter.model.collector import CollectorSpec
from exporter.model.metric import Kind as MetricKind
from exporter.model.metric import Metric, gauge
from exporter.model.table import Labels, Table, by_row
from exporter.sources.redis.scan.options import LARGEST

if TYPE_CHECKING:
    from exporter.sources.redis.scan.survey import Tally
    from exporter.sources.redis.scan.watch import Kind

LABELS = ("db", "type")

BYTES = gauge("redis_big_key_bytes", "Memory of the largest keys of a type that were met.", (*LABELS, "key"))
MEMORY = Metric(
    "redis_key_type_memory_bytes",
    MetricKind.HISTOGRAM,
    "Keys of a type by their memory, estimated from a random sample: a picture of the last pass,"
    " not to be rated.",
    LABELS,
)
MEMORY_BOUNDS = tuple(4**power for power in range(3, 15))
"""From 64 bytes to 256 MB."""


def tables(tally: Tally) -> Sequence[Table]:
    """One row for each large key, and the sizes of all keys by type."""
    databases = tally.found.largest if tally.found is not None else ()
    if not databases:
        return ()
    large = {
        (database_label(one.database), largest.kind, shortened(largest.key)): (largest.size,)
        for one in databases
        for largest in one.top
    }
    return [
        by_row((*LABELS, "key"), (BYTES,), large.items()),
        *histogram(MEMORY, MEMORY_BOUNDS, [entry for one in databases for entry in _sizes(one)]),
    ]


def _sizes(database: Kind) -> Sequence[tuple[Labels, Sequence[float], float]]:
    sizes: dict[str, list[float]] = {}
    for look in database.looks:
        if look.size is not None and look.kind:
            sizes.setdefault(look.kind, []).append(look.size)
    weight = database.keys / max(1, len(database.looks))
    label = database_label(database.database)
    return [((label, kind), values, weight) for kind, values in sizes.items()]


COLLECTOR = CollectorSpec(
    help="The largest keys of each type and the sizes of keys, from a sample taken in the background.",
    source="redis",
    metrics=(BYTES, MEMORY),
    build=from_survey(LARGEST, lambda options: options.top_keys, tables),
    series_limit=50_000,
    docs="https://redis.io/docs/latest/commands/memory-usage/",
    explain=lambda _major: EXPLAIN,
)
