"""A few settings that other figures are compared with. Asked for by name: CONFIG GET * shows passwords."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.redis._kept import Kept
from exporter.collectors.redis._replies import granted, paired
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, by_row, single
from exporter.sources.redis import Command, RedisSource, Reply
from exporter.sources.redis.info import number

VALUES = {
    "io-threads": gauge("redis_config_io_threads", "Configured number of I/O threads."),
    "maxclients": gauge("redis_config_maxclients", "Configured limit of client connections."),
    "maxmemory": gauge("redis_config_maxmemory", "Configured memory limit in bytes; 0 is no limit."),
    "repl-backlog-size": gauge("redis_config_repl_backlog_size", "Configured replication backlog in bytes."),
}
BUFFER_LIMIT = "client-output-buffer-limit"
LIMIT_LABELS = ("class", "limit")
LIMIT_BYTES = gauge(
    "redis_config_client_output_buffer_limit_bytes",
    "Hard and soft limit of the output buffer of a class of clients; 0 is no limit.",
    LIMIT_LABELS,
)
LIMIT_SECONDS = gauge(
    "redis_config_client_output_buffer_limit_overcome_seconds",
    "How long a class of clients may stay over the soft limit of its output buffer.",
    LIMIT_LABELS,
)
COMMANDS: Sequence[Command] = [("CONFIG", "GET", name) for name in (*VALUES, BUFFER_LIMIT)]


def build(redis: RedisSource) -> Collect:
    """Asks for each setting by itself, because servers before 7.0 take one name at a time; once a minute."""
    kept = Kept(redis, COMMANDS)

    async def collect(deadline: Deadline) -> Sequence[Table]:
        settings: dict[str, Reply] = {}
        _, replies = await kept.get(deadline)
        for reply in replies:
            settings |= paired(granted(reply))
        values = {metric: number(_text(settings.get(name))) for name, metric in VALUES.items()}
        return [single(values), *_buffer_limits(_text(settings.get(BUFFER_LIMIT)) or "")]

    return collect


def _text(reply: Reply) -> str | None:
    return reply if isinstance(reply, str) else None


def _buffer_limits(text: str) -> Sequence[Table]:
    """`normal 0 0 0 replica 268435456 67108864 60 ...`: class, hard limit, soft limit, its seconds."""
    words = iter(text.split())
    limits = list(zip(words, words, words, words, strict=False))
    return [
        by_row(
            LIMIT_LABELS,
            (LIMIT_BYTES,),
            [
                ((name, kind), (number(value),))
                for name, hard, soft, _ in limits
                for kind, value in (("hard", hard), ("soft", soft))
            ],
        ),
        by_row(
            LIMIT_LABELS,
            (LIMIT_SECONDS,),
            [((name, "soft"), (number(seconds),)) for name, _, _, seconds in limits],
        ),
    ]


COLLECTOR = CollectorSpec(
    help="Settings that limit memory, clients and buffers, from CONFIG GET, once a minute.",
    source="redis",
    metrics=(*VALUES.values(), LIMIT_BYTES, LIMIT_SECONDS),
    build=build,
    docs="https://redis.io/docs/latest/commands/config-get/",
    explain=lambda _major: "\n".join(["INFO ALL", *map(" ".join, COMMANDS)]),
)
