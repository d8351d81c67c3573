"""Clients by name, user and type, from CLIENT LIST: who holds how many connections, and how much memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.collectors.redis._client_list import PERIOD_SECONDS, Client, clients
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Labels, Table, Value, by_row
from exporter.sources.redis import RedisSource
from exporter.sources.redis.info import number

LABELS = ("name", "user", "type")
CONNECTIONS = gauge(
    "redis_client_connections",
    "Connections by CLIENT SETNAME's name, ACL user and type (normal, pubsub, replica, master);"
    " beyond the 50 most frequent, name and user are other.",
    LABELS,
)
BLOCKED = gauge("redis_client_connections_blocked", "Those that wait in a blocking command.", LABELS)
MEMORY = gauge(
    "redis_client_connections_memory_bytes", "Memory of those connections (7.0 and newer).", LABELS
)
OUTPUT = gauge("redis_client_connections_output_buffer_bytes", "Memory of their output buffers.", LABELS)
IDLE = gauge(
    "redis_client_connections_idle_max_seconds",
    "Time since the last command of the one idle longest.",
    LABELS,
)
METRICS = (CONNECTIONS, BLOCKED, MEMORY, OUTPUT, IDLE)

MOST = 50
OTHER = "other"
LONGEST_NAME = 200


@dataclass(slots=True)
class _Sum:
    """What the connections with the same labels come to; None is unknown."""

    connections: int = 0
    blocked: int = 0
    memory: float | None = None
    output: float | None = None
    idle: float | None = None

    def add(self, client: Client) -> None:
        self.connections += 1
        self.blocked += "b" in client.get("flags", "")
        self.memory = _plus(self.memory, number(client.get("tot-mem")))
        self.output = _plus(self.output, number(client.get("omem")))
        self.idle = _longer(self.idle, number(client.get("idle")))

    def merge(self, other: _Sum) -> None:
        self.connections += other.connections
        self.blocked += other.blocked
        self.memory = _plus(self.memory, other.memory)
        self.output = _plus(self.output, other.output)
        self.idle = _longer(self.idle, other.idle)

    def row(self) -> tuple[Value, ...]:
        return self.connections, self.blocked, self.memory, self.output, self.idle


def _plus(total: float | None, more: float | None) -> float | None:
    return total if more is None else more + (total or 0)


def _longer(one: float | None, other: float | None) -> float | None:
    return one if other is None else max(other, one or 0)


def build(redis: RedisSource) -> Collect:
    """Asks for the list of clients."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        sums: dict[Labels, _Sum] = {}
        async for client in clients(redis, deadline):
            labels = _labels(client)
            found = sums.get(labels)
            if found is None:
                found = sums[labels] = _Sum()
            found.add(client)
        return [by_row(LABELS, METRICS, [(labels, found.row()) for labels, found in _top(sums).items()])]

    return collect


def _top(sums: Mapping[Labels, _Sum]) -> dict[Labels, _Sum]:
    """The most frequent labels, and the others together, by type."""
    ordered = sorted(sums, key=lambda labels: (-sums[labels].connections, labels))
    top = {labels: sums[labels] for labels in ordered[:MOST]}
    for labels in ordered[MOST:]:
        top.setdefault((OTHER, OTHER, labels[2]), _Sum()).merge(sums[labels])
    return top


def _labels(client: Client) -> Labels:
    return client.get("name", "")[:LONGEST_NAME], client.get("user", "")[:LONGEST_NAME], _type(client)


def _type(client: Client) -> str:
    """As CLIENT LIST TYPE has it."""
    flags = client.get("flags", "")
    if "M" in flags:
        return "master"
    if "S" in flags:
        return "replica"
    return "pubsub" if "P" in flags else "normal"


COLLECTOR = CollectorSpec(
    help="Connections by client name, user and type, with their memory and idle time.",
    source="redis",
    metrics=METRICS,
    build=build,
    default=False,
    cost=Cost.ROWS,
    every_seconds=PERIOD_SECONDS,
    docs="https://redis.io/docs/latest/commands/client-list/",
    explain=lambda _major: "INFO ALL\nCLIENT LIST",
)
