"""Keys one by one, their number by pattern, and groups of keys: redis_exporter's families, all opt-in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from exporter.collectors.redis._scan import EXPLAIN, database_label, from_survey
from exporter.model.collector import CollectorSpec, Cost
from exporter.model.metric import gauge
from exporter.model.table import Labels, Table, Value, by_row, single
from exporter.sources.redis.info import number
from exporter.sources.redis.scan.options import KEYS, KeyOptions
from exporter.sources.redis.scan.replies import text

if TYPE_CHECKING:
    from exporter.sources.redis.scan.inspect import KeyFacts
    from exporter.sources.redis.scan.plan import Found
    from exporter.sources.redis.scan.survey import Tally

LABELS = ("db", "key")
GROUP_LABELS = ("db", "key_group")

SIZE = gauge("redis_key_size", "Length of a key: its bytes, elements, fields or entries.", LABELS)
MEMORY = gauge("redis_key_memory_usage_bytes", "Memory of a key.", LABELS)
VALUE = gauge("redis_key_value", "Value of a key that holds a number.", LABELS)
VALUE_AS_STRING = gauge(
    "redis_key_value_as_string", "1, with the value of a key that holds no number.", (*LABELS, "val")
)
COUNT = gauge("redis_keys_count", "Keys that match a pattern, which is the label key.", LABELS)
GROUP_COUNT = gauge("redis_key_group_count", "Keys of a group.", GROUP_LABELS)
GROUP_MEMORY = gauge(
    "redis_key_group_memory_usage_bytes",
    "Memory of the keys of a group, estimated from a random sample where it is large.",
    GROUP_LABELS,
)
GROUPS = gauge("redis_number_of_distinct_key_groups", "Groups that the keys of a database form.", ("db",))
GROUPS_MILLISECONDS = gauge(
    "redis_last_key_groups_scrape_duration_milliseconds", "How long the last pass over the keys took."
)


def tables(tally: Tally) -> Sequence[Table]:
    """What the last pass and the last look at single keys have found."""
    single_keys = tally.singles.keys if tally.singles is not None else ()
    passed = tally.found.keys if tally.found is not None else ()
    found = list(
        _one_by_one({(facts.database, facts.key): facts for facts in (*passed, *single_keys)}.values())
    )
    if tally.found is not None:
        counts = {(database_label(db), pattern): (n,) for (db, pattern), n in tally.found.counts.items()}
        found += [by_row(LABELS, (COUNT,), counts.items()), *_groups(tally.found, tally.seconds)]
    return [table for table in found if table.rows]


def _one_by_one(keys: Iterable[KeyFacts]) -> Iterable[Table]:
    rows: dict[Labels, Sequence[Value]] = {}
    texts: dict[Labels, Sequence[Value]] = {}
    for facts in keys:
        labels = (database_label(facts.database), text(facts.key))
        value = number(text(facts.value)) if facts.value is not None else None
        rows[labels] = (facts.length, facts.memory, value)
        if facts.value is not None and value is None:
            texts[*labels, text(facts.value)] = (1,)
    yield by_row(LABELS, (SIZE, MEMORY, VALUE), rows.items())
    yield by_row((*LABELS, "val"), (VALUE_AS_STRING,), texts.items())


def _groups(found: Found, seconds: float | None) -> Iterable[Table]:
    if not found.groups:
        return
    rows: Mapping[Labels, Sequence[Value]] = {
        (database_label(db), name): (group.keys, group.memory)
        for db, groups in found.groups.items()
        for name, group in groups.shown.items()
    }
    yield by_row(GROUP_LABELS, (GROUP_COUNT, GROUP_MEMORY), rows.items())
    distinct = {(database_label(db),): (groups.distinct,) for db, groups in found.groups.items()}
    yield by_row(("db",), (GROUPS,), distinct.items())
    yield single({GROUPS_MILLISECONDS: None if seconds is None else seconds * 1000})


def _on(options: KeyOptions) -> bool:
    return any((options.check_keys, options.check_single_keys, options.count_keys, options.check_key_groups))


COLLECTOR = CollectorSpec(
    help="Size, memory and value of configured keys, their number by pattern, and groups of keys.",
    source="redis",
    metrics=(
        SIZE,
        MEMORY,
        VALUE,
        VALUE_AS_STRING,
        COUNT,
        GROUP_COUNT,
        GROUP_MEMORY,
        GROUPS,
        GROUPS_MILLISECONDS,
    ),
    build=from_survey(KEYS, _on, tables),
    cost=Cost.ROWS,
    series_limit=100_000,
    docs="https://redis.io/docs/latest/commands/scan/",
    explain=lambda _major: f"{EXPLAIN}\nSTRLEN key (LLEN, SCARD, ZCARD, HLEN, XLEN)\nGET key",
)
