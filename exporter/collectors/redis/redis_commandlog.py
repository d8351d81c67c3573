"""Valkey's command log (8.1 and newer): slow commands, large requests, large replies."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.redis._asking import AskWhere
from exporter.collectors.redis._replies import granted, paired
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Refused
from exporter.model.metric import Metric, gauge
from exporter.model.table import Table, Value, single
from exporter.sources.redis import Command, Info, RedisSource, Reply
from exporter.sources.redis.info import number, product, version

FIRST = (8, 1)

LENGTHS: dict[Command, Metric] = {
    ("COMMANDLOG", "LEN", "slow"): gauge(
        "redis_commandlog_slow_length", "Entries in the log of slow commands."
    ),
    ("COMMANDLOG", "LEN", "large-request"): gauge(
        "redis_commandlog_large_request_length", "Entries in the log of large requests."
    ),
    ("COMMANDLOG", "LEN", "large-reply"): gauge(
        "redis_commandlog_large_reply_length", "Entries in the log of large replies."
    ),
}
SETTINGS: dict[Command, Metric] = {
    ("CONFIG", "GET", "commandlog-execution-slower-than"): gauge(
        "redis_commandlog_execution_slower_than",
        "Microseconds from which a command is slow; -1 is never.",
    ),
    ("CONFIG", "GET", "commandlog-request-larger-than"): gauge(
        "redis_commandlog_request_larger_than", "Bytes from which a request is large; -1 is never."
    ),
    ("CONFIG", "GET", "commandlog-reply-larger-than"): gauge(
        "redis_commandlog_reply_larger_than", "Bytes from which a reply is large; -1 is never."
    ),
    ("CONFIG", "GET", "commandlog-slow-execution-max-len"): gauge(
        "redis_commandlog_slow_execution_max_len", "Entries that the log of slow commands keeps."
    ),
    ("CONFIG", "GET", "commandlog-large-request-max-len"): gauge(
        "redis_commandlog_large_request_max_len", "Entries that the log of large requests keeps."
    ),
    ("CONFIG", "GET", "commandlog-large-reply-max-len"): gauge(
        "redis_commandlog_large_reply_max_len", "Entries that the log of large replies keeps."
    ),
}
COMMANDS = (*LENGTHS, *SETTINGS)


def has_command_log(info: Info) -> bool:
    """Whether this server knows COMMANDLOG: others would count an error for each try."""
    name, known = product(info)
    return name == "Valkey" and version(known) >= FIRST


def build(redis: RedisSource) -> Collect:
    """Asks where INFO says that it is Valkey 8.1 or newer."""
    ask = AskWhere(redis, has_command_log, "needs Valkey 8.1 or newer")

    async def collect(deadline: Deadline) -> Sequence[Table]:
        _, replies = await ask(COMMANDS, deadline)
        of = dict(zip(COMMANDS, replies, strict=True))
        tables = [single({metric: _length(of[command]) for command, metric in LENGTHS.items()})]
        tables.append(single({metric: _setting(command, of) for command, metric in SETTINGS.items()}))
        refused = next((reply for reply in replies if isinstance(reply, Refused)), None)
        if refused is None:
            return tables
        if all(isinstance(reply, Refused) for reply in replies):
            granted(refused)
        raise Partial(tables, refused)

    return collect


def _length(reply: Reply) -> Value:
    return reply if isinstance(reply, int) else None


def _setting(command: Command, of: dict[Command, Reply]) -> Value:
    value = paired(of[command]).get(command[-1])
    return number(value) if isinstance(value, str) else None


COLLECTOR = CollectorSpec(
    help="Lengths and settings of Valkey's command log.",
    source="redis",
    metrics=(*LENGTHS.values(), *SETTINGS.values()),
    build=build,
    docs="https://valkey.io/commands/commandlog/",
    explain=lambda _major: "\n".join(
        ["INFO ALL", *(f"{' '.join(c)}  (Valkey 8.1 and newer)" for c in COMMANDS)]
    ),
)
