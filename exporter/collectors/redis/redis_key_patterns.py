"""Kinds of keys by configured patterns: how many, how much memory, how long they live, the largest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from exporter.collectors.redis._scan import EXPLAIN, database_label, from_survey, histogram, shortened
from exporter.model.collector import CollectorSpec
from exporter.model.metric import Kind as MetricKind
from exporter.model.metric import Metric, gauge
from exporter.model.table import Labels, Table, Value, by_row
from exporter.sources.redis.scan.options import PATTERNS

if TYPE_CHECKING:
    from exporter.sources.redis.scan.survey import Tally
    from exporter.sources.redis.scan.watch import Kind

LABELS = ("db", "pattern")

KEYS = gauge("redis_key_pattern_keys", "Keys that match a pattern, as the last pass met them.", LABELS)
MEMORY = gauge(
    "redis_key_pattern_memory_bytes", "Memory of those keys, estimated from a random sample.", LABELS
)
WITHOUT_TTL = gauge(
    "redis_key_pattern_without_ttl_ratio",
    "Share of those keys that never expire, from 0 to 1, estimated from a random sample.",
    LABELS,
)
SAMPLED = gauge(
    "redis_key_pattern_sampled_keys", "Keys of the pattern that the estimates were made from.", LABELS
)
TTL = Metric(
    "redis_key_pattern_ttl_seconds",
    MetricKind.HISTOGRAM,
    "Keys by the time that they have left to live, estimated: a picture of the last pass, not to be rated.",
    LABELS,
)
TOP = gauge("redis_key_pattern_top_key_bytes", "Memory of the largest keys met.", (*LABELS, "key"))

TTL_BOUNDS = (1, 10, 60, 300, 900, 3600, 21_600, 86_400, 604_800, 2_592_000)


def tables(tally: Tally) -> Sequence[Table]:
    """One row for each pattern, and one for each of its largest keys."""
    kinds = tally.found.kinds if tally.found is not None else ()
    if not kinds:
        return ()
    rows = {_labels(kind): _row(kind) for kind in kinds}
    top = {
        (*_labels(kind), shortened(largest.key)): (largest.size,) for kind in kinds for largest in kind.top
    }
    return [
        by_row(LABELS, (KEYS, MEMORY, WITHOUT_TTL, SAMPLED), rows.items()),
        *histogram(TTL, TTL_BOUNDS, _times_to_live(kinds)),
        by_row((*LABELS, "key"), (TOP,), top.items()),
    ]


def _labels(kind: Kind) -> Labels:
    return database_label(kind.database), kind.name


def _row(kind: Kind) -> Sequence[Value]:
    sizes = [look.size for look in kind.looks if look.size is not None]
    expires = [look.expires for look in kind.looks if look.expires is not None]
    return (
        kind.keys,
        kind.keys * sum(sizes) / len(sizes) if sizes else None if kind.keys else 0,
        expires.count(False) / len(expires) if expires else None,
        len(kind.looks),
    )


def _times_to_live(kinds: Sequence[Kind]) -> Iterable[tuple[Labels, Sequence[float], float]]:
    for kind in kinds:
        known = [look for look in kind.looks if look.expires is not None]
        ttls = [look.ttl for look in known if look.ttl is not None]
        if known or not kind.keys:
            yield _labels(kind), ttls, kind.keys / len(known) if known else 0.0


COLLECTOR = CollectorSpec(
    help="Number, memory, time to live and largest keys of configured patterns, from SCAN in the background.",
    source="redis",
    metrics=(KEYS, MEMORY, WITHOUT_TTL, SAMPLED, TTL, TOP),
    build=from_survey(PATTERNS, lambda options: options.key_patterns, tables),
    series_limit=50_000,
    docs="https://redis.io/docs/latest/commands/scan/",
    explain=lambda _major: EXPLAIN,
)
