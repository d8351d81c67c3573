"""How large keys are, from INFO's section Keysizes (Redis 8 and newer): no key is read for it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import Kind, Metric
from exporter.model.table import Column, Labels, Table
from exporter.sources.redis import RedisSource
from exporter.sources.redis.info import key_values

LABELS = ("db", "type")

SIZES = Metric(
    "redis_db_key_sizes",
    Kind.HISTOGRAM,
    "Keys by their size as it is now, not over time: bytes of strings, items of other types"
    " (Redis 8 and newer).",
    LABELS,
)

FIELD = re.compile(r"(db\d+)_distrib_([a-z]+)_(?:sizes|items)")
TYPES: Mapping[str, str] = {
    "strings": "string",
    "lists": "list",
    "sets": "set",
    "zsets": "zset",
    "hashes": "hash",
    "streams": "stream",
}
"""INFO's word for a type -> that of the command TYPE."""

UNITS: Mapping[str, int] = {
    unit: 1024**power for power, unit in enumerate(("", "K", "M", "G", "T", "P", "E"))
}
BOUNDS = (
    1,
    3,
    15,
    63,
    255,
    1023,
    4095,
    16383,
    65535,
    2**18 - 1,
    2**20 - 1,
    2**22 - 1,
    2**24 - 1,
    2**26 - 1,
    2**28 - 1,
)
"""Upper ends of the server's groups, every other one: it counts from a power of two up to the next one."""
ROWS = (*map(str, BOUNDS), "+Inf")
SERIES_LIMIT = 20_000


def build(redis: RedisSource) -> Collect:
    """Asks for INFO."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        section = (await redis.info(deadline)).section("keysizes")
        if not section:
            raise Skip(
                Reason.NO_DATA, "INFO has no section Keysizes: the server is older than Redis 8, or empty"
            )
        found = {labels: _groups(text) for labels, text in _fields(section)}
        rows: list[Labels] = [(*labels, le) for labels in found for le in ROWS]
        buckets = [count for groups in found.values() for count in _cumulated(groups)]
        totals = [sum(groups.values()) for groups in found.values()]
        return [
            Table((*LABELS, "le"), rows, [Column(SIZES, buckets, "_bucket")]),
            Table(LABELS, list(found), [Column(SIZES, totals, "_count")]),
        ]

    return collect


def _fields(section: Mapping[str, str]) -> Iterator[tuple[Labels, str]]:
    for name, text in section.items():
        if match := FIELD.fullmatch(name):
            yield (match[1], TYPES.get(match[2], match[2])), text


def _groups(text: str) -> dict[int, int]:
    """Keys by the smallest size of their group: `1=5,4K=2` is `{1: 5, 4096: 2}`."""
    groups: dict[int, int] = {}
    for size, keys in key_values(text).items():
        digits = size.rstrip("KMGTPE")
        unit = UNITS.get(size[len(digits) :])
        if unit is not None and _is_number(digits) and _is_number(keys):
            groups[int(digits) * unit] = int(keys)
    return groups


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _cumulated(groups: Mapping[int, int]) -> list[int]:
    ordered = deque(sorted(groups.items()))
    counts, below = [], 0
    for bound in BOUNDS:
        while ordered and ordered[0][0] <= bound:
            below += ordered.popleft()[1]
        counts.append(below)
    return [*counts, sum(groups.values())]


COLLECTOR = CollectorSpec(
    help="Histogram of the sizes of keys, for each database and type.",
    source="redis",
    metrics=(SIZES,),
    build=build,
    series_limit=SERIES_LIMIT,
    docs="https://redis.io/docs/latest/commands/info/",
    explain=lambda _major: "INFO ALL",
)
