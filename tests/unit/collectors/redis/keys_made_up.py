"""A server with one key of each kind, and all that the collectors of keys show of it."""

from __future__ import annotations

import asyncio

from exporter.collectors.redis import (
    redis_big_keys,
    redis_key_patterns,
    redis_key_scan,
    redis_keys,
    redis_streams,
)
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.table import Table
from exporter.sources.redis.fake import FakeRedis
from exporter.sources.redis.scan.fake import FakeAside, FakeKey
from exporter.sources.redis.scan.options import KeyOptions
from tests.unit.collectors.redis.test_redis_keys import stream, string

COLLECTORS = (redis_big_keys, redis_key_patterns, redis_key_scan, redis_keys, redis_streams)
OPTIONS = KeyOptions(
    key_patterns=(("numbers", "number*"),),
    top_keys=1,
    check_single_keys=("number", "text"),
    check_keys=("queue:*",),
    count_keys=("queue:*",),
    check_key_groups=("^(queue):",),
    check_streams=("ev*",),
    scan_commands_per_second=100_000,
    scan_time_share=0.5,
)
KEYS = {
    b"number": string(b"12.5"),
    b"text": string(b"some"),
    b"queue:1": FakeKey(b"list", memory=99, replies={"LLEN": 3}),
    b"events": stream(),
}


async def tables() -> list[Table]:
    """What is shown after one whole walk over the keys."""
    server = FakeRedis("")
    server.aside = FakeAside({0: KEYS})
    server.key_options = OPTIONS
    collects = [module.COLLECTOR.build(server) for module in COLLECTORS]
    try:
        for collect in collects:
            try:
                await collect(Deadline.after(1))
            except Skip:
                continue
        async with asyncio.timeout(5):
            while server.survey.tally.found is None:  # noqa: ASYNC110  # it changes without an event
                await asyncio.sleep(0.001)
        return [table for collect in collects for table in await collect(Deadline.after(1))]
    finally:
        await server.survey.close()
