"""Configured streams, their groups and consumers, from XINFO in the background: redis_exporter's family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from exporter.collectors.redis._scan import database_label, from_survey
from exporter.model.collector import CollectorSpec, Cost
from exporter.model.metric import Metric, counter, gauge
from exporter.model.table import Labels, Table, Value, by_row
from exporter.sources.redis.scan.options import STREAMS
from exporter.sources.redis.scan.replies import Raw, text

if TYPE_CHECKING:
    from exporter.sources.redis.scan.survey import Tally

LABELS = ("db", "stream")
GROUP_LABELS = (*LABELS, "group")
CONSUMER_LABELS = (*GROUP_LABELS, "consumer")

OF_STREAM: Mapping[bytes, Metric] = {
    b"length": gauge("redis_stream_length", "Entries in a stream.", LABELS),
    b"radix-tree-keys": gauge(
        "redis_stream_radix_tree_keys", "Keys of the tree that holds a stream.", LABELS
    ),
    b"radix-tree-nodes": gauge("redis_stream_radix_tree_nodes", "Nodes of that tree.", LABELS),
    b"last-generated-id": gauge(
        "redis_stream_last_generated_id", "Milliseconds of the newest ID that was made in a stream.", LABELS
    ),
    b"groups": gauge("redis_stream_groups", "Groups of consumers of a stream.", LABELS),
    b"max-deleted-entry-id": gauge(
        "redis_stream_max_deleted_entry_id", "Milliseconds of the highest ID that was deleted.", LABELS
    ),
    b"first-entry": gauge(
        "redis_stream_first_entry_id", "Milliseconds of the ID of the oldest entry.", LABELS
    ),
    b"last-entry": gauge("redis_stream_last_entry_id", "Milliseconds of the ID of the newest entry.", LABELS),
    b"entries-added": counter(
        "redis_stream_entries_added_total", "Entries that were ever added to a stream.", LABELS
    ),
}
OF_GROUP: Mapping[bytes, Metric] = {
    b"consumers": gauge("redis_stream_group_consumers", "Consumers of a group.", GROUP_LABELS),
    b"pending": gauge(
        "redis_stream_group_messages_pending",
        "Entries that a group has got and not acknowledged yet.",
        GROUP_LABELS,
    ),
    b"last-delivered-id": gauge(
        "redis_stream_group_last_delivered_id",
        "Milliseconds of the ID of the entry that a group has got last.",
        GROUP_LABELS,
    ),
    b"entries-read": gauge(
        "redis_stream_group_entries_read",
        "Entries that a group has read, as the server counts them.",
        GROUP_LABELS,
    ),
    b"lag": gauge(
        "redis_stream_group_lag",
        "Entries that a group has not got yet, where the server knows.",
        GROUP_LABELS,
    ),
}
PENDING = gauge(
    "redis_stream_group_consumer_messages_pending",
    "Entries that a consumer has got and not acknowledged yet.",
    CONSUMER_LABELS,
)
IDLE = gauge(
    "redis_stream_group_consumer_idle_seconds",
    "Time since a consumer has last asked for entries.",
    CONSUMER_LABELS,
)


def tables(tally: Tally) -> Sequence[Table]:
    """One row for each stream, each group and each consumer."""
    streams: dict[Labels, Sequence[Value]] = {}
    groups: dict[Labels, Sequence[Value]] = {}
    consumers: dict[Labels, Sequence[Value]] = {}
    passed = tally.found.streams if tally.found is not None else ()
    for facts in (*passed, *(tally.singles.streams if tally.singles is not None else ())):
        labels = (database_label(facts.database), text(facts.key))
        streams[labels] = [_value(facts.stream.get(name)) for name in OF_STREAM]
        for group in facts.groups:
            of_group = (*labels, text(group.group.get(b"name")))
            groups[of_group] = [_value(group.group.get(name)) for name in OF_GROUP]
            for consumer in group.consumers:
                idle = _value(consumer.get(b"idle"))
                consumers[*of_group, text(consumer.get(b"name"))] = (
                    _value(consumer.get(b"pending")),
                    None if idle is None else idle / 1000,
                )
    found = [
        by_row(LABELS, (*OF_STREAM.values(),), streams.items()),
        by_row(GROUP_LABELS, (*OF_GROUP.values(),), groups.items()),
        by_row(CONSUMER_LABELS, (PENDING, IDLE), consumers.items()),
    ]
    return [table for table in found if table.rows]


def _value(reply: Raw) -> int | None:
    """A number, or the milliseconds of an ID or of an entry's ID; None where the server does not know."""
    if isinstance(reply, list):
        reply = reply[0] if reply else None
    if isinstance(reply, bytes):
        milliseconds = reply.partition(b"-")[0]
        return int(milliseconds) if milliseconds.isdigit() else None
    return reply if isinstance(reply, int) else None


COLLECTOR = CollectorSpec(
    help="Length, groups and consumers of configured streams, from XINFO in the background.",
    source="redis",
    metrics=(*OF_STREAM.values(), *OF_GROUP.values(), PENDING, IDLE),
    build=from_survey(STREAMS, lambda o: o.check_streams or o.check_single_streams, tables),
    cost=Cost.ROWS,
    series_limit=100_000,
    docs="https://redis.io/docs/latest/commands/xinfo-stream/",
    explain=lambda _major: "XINFO STREAM key\nXINFO GROUPS key\nXINFO CONSUMERS key group",
)
