"""What a Sentinel tells of the masters that it watches, of their replicas and of the other Sentinels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from exporter.collectors.redis._asking import AskWhere, is_sentinel
from exporter.model.deadline import Deadline
from exporter.sources.redis import Command, Info, RedisSource, Reply
from exporter.sources.redis.topology import instance_flags, parse_sentinel_instances

NO_SENTINEL = "this server is no Sentinel"
MASTER_LABELS = ("master_name", "master_address")

SENTINEL_MASTERS: Command = ("SENTINEL", "MASTERS")
OF_EACH_MASTER = ("SENTINELS", "REPLICAS")
DOWN = frozenset({"s_down", "o_down"})

Instance = Mapping[str, str]


class Master(NamedTuple):
    """A master as a Sentinel sees it.

    Attributes:
        name: as configured.
        address: `ip:port`.
        summary: its line of INFO; empty if it has none.
        fields: of SENTINEL MASTERS; empty where that was refused.
        sentinels: the other Sentinels; None where they were refused.
        replicas: its replicas; None where they were refused.
    """

    name: str
    address: str
    summary: Instance
    fields: Instance
    sentinels: Sequence[Instance] | None
    replicas: Sequence[Instance] | None

    @property
    def labels(self) -> tuple[str, str]:
        """The values of `MASTER_LABELS`."""
        return self.name, self.address


class SentinelView:
    """Asks a Sentinel for all that it knows, in one round trip as long as its masters stay the same."""

    def __init__(self, redis: RedisSource) -> None:
        self._redis = redis
        self._ask = AskWhere(redis, is_sentinel, NO_SENTINEL)
        self._details: Sequence[Command] = ()

    async def ask(self, deadline: Deadline) -> tuple[Info, list[Master]]:
        """INFO, and the masters.

        Raises:
            Skip: the server is no Sentinel.
            SourceError: as `RedisSource.fetch`.
        """
        commands = [SENTINEL_MASTERS, *self._details]
        info, answers = await self._ask(commands, deadline)
        replies = dict(zip(commands, answers, strict=True))
        known = {m["name"]: m for m in parse_sentinel_instances(replies[SENTINEL_MASTERS])}
        self._details = [("SENTINEL", what, name) for name in known for what in OF_EACH_MASTER]
        if new := [command for command in self._details if command not in replies]:
            replies |= zip(new, await self._redis.fetch(new, deadline), strict=True)
        lines = {line.get("name", ""): line for line in info.pairs("sentinel", "master").values()}
        names = known or lines
        return info, [_master(name, lines.get(name, {}), known.get(name, {}), replies) for name in names]


def is_ok(instance: Instance) -> bool:
    """Whether the Sentinel holds neither itself alone, nor with others, that the instance is down."""
    return DOWN.isdisjoint(instance_flags(instance))


def _master(name: str, line: Instance, fields: Instance, replies: Mapping[Command, Reply]) -> Master:
    address = f"{fields.get('ip', '')}:{fields['port']}" if fields else line.get("address", "")
    sentinels, replicas = (_listed(replies.get(("SENTINEL", what, name))) for what in OF_EACH_MASTER)
    return Master(name, address, line, fields, sentinels, replicas)


def _listed(reply: Reply) -> Sequence[Instance] | None:
    return parse_sentinel_instances(reply) if isinstance(reply, list) else None
