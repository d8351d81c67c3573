"""The few figures of each target that one looks at first."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from exporter.http.api.data import Data, Place, With
from exporter.http.api.figures import Figures, Number, Read, of
from exporter.http.api.problems import documented
from exporter.http.api.times import Time, moment
from exporter.http.served import TOP
from exporter.model.slow_query import slow_queries_of

router = APIRouter(tags=["summary"])

OF_SOURCES = {
    "postgres": ("postgres_up", "server_facts", "activity", "stat_database", "database_size"),
    "redis": ("redis_up", "redis_info", "redis_keyspace"),
    "host": ("cpu", "loadavg", "meminfo", "filesystem"),
}
"""The collectors that are asked where the source is configured."""


class PostgresFigures(Figures):
    """Of the whole server."""

    server_version_num: Number = of("pg_server_version_num")
    connections_used: Number = of("pg_connections_used")
    connections_limit: Number = of("pg_connections_limit")


class PostgresSummary(BaseModel):
    """A PostgreSQL server."""

    up: bool
    server: PostgresFigures
    databases: int
    size_bytes: float = Field(description="Of all databases that the role may see.")
    cache_hit_ratio: float | None = Field(description="Blocks found in shared buffers; since the last reset.")
    deadlocks: float
    slow_queries_seen: int = Field(description="That are kept to be shown.")


class RedisFigures(Figures):
    """Of one server; of a group the first node."""

    connected_clients: Number = of("redis_connected_clients")
    used_memory_bytes: Number = of("redis_memory_used_bytes")
    maxmemory_bytes: Number = of("redis_memory_max_bytes")
    evicted_keys: Number = of("redis_evicted_keys_total")


class RedisSummary(BaseModel):
    """A Redis server, or a group."""

    up: bool = Field(description="Whether all nodes answer.")
    nodes: int
    first: RedisFigures
    keys: float
    hit_ratio: float | None = Field(description="Look-ups that found the key; since the start.")


class SystemFigures(Figures):
    """The host."""

    load1: Number = of("node_load1")
    mem_total_bytes: Number = of("node_memory_MemTotal_bytes")
    mem_available_bytes: Number = of("node_memory_MemAvailable_bytes")


class SystemSummary(BaseModel):
    """The host."""

    cores: int
    figures: SystemFigures
    fullest_filesystem_ratio: float | None = Field(description="Used part of the fullest file system.")


class TargetSummary(BaseModel):
    """One target; null for what it has not."""

    name: str = Field(examples=[TOP])
    taken_at: Time
    postgres: PostgresSummary | None
    redis: RedisSummary | None
    system: SystemSummary | None


class Summary(BaseModel):
    """All targets, or the one that was asked for."""

    targets: list[TargetSummary]


@router.get("/summary", response_model=Summary, responses=documented())
async def summary(data: With, place: Annotated[Place, Query()]) -> Summary:
    """What one looks at first: up, full, busy, slow."""
    targets = data.each(place.target)
    found = await asyncio.gather(*(_target(data, name, watched.sources) for name, watched in targets.items()))
    return Summary(targets=list(found))


async def _target(data: Data, name: str, sources: Collection[str]) -> TargetSummary:
    has = {key for key in OF_SOURCES if key in sources}
    collectors = [collector for key in OF_SOURCES if key in has for collector in OF_SOURCES[key]]
    read = await data.snapshot(name, collectors)
    return TargetSummary(
        name=name,
        taken_at=moment(read.snapshot.taken_at),
        postgres=_postgres(read, data, name) if "postgres" in has else None,
        redis=_redis(read) if "redis" in has else None,
        system=_system(read) if "host" in has else None,
    )


def _postgres(read: Read, data: Data, name: str) -> PostgresSummary:
    sizes = [size for _, size in read.samples("pg_database_size_bytes")]
    return PostgresSummary(
        up=read.first("pg_up") == 1,
        server=read.one(PostgresFigures),
        databases=len(sizes),
        size_bytes=sum(sizes),
        cache_hit_ratio=_ratio(read, "pg_stat_database_blks_hit", "pg_stat_database_blks_read"),
        deadlocks=_sum(read, "pg_stat_database_deadlocks"),
        slow_queries_seen=len(slow_queries_of(data.source(name, "postgres")).newest()),
    )


def _redis(read: Read) -> RedisSummary:
    states = [value for _, value in read.samples("redis_up")]
    return RedisSummary(
        up=bool(states) and all(states),
        nodes=len(states),
        first=read.one(RedisFigures),
        keys=_sum(read, "redis_db_keys"),
        hit_ratio=_ratio(read, "redis_keyspace_hits_total", "redis_keyspace_misses_total"),
    )


def _system(read: Read) -> SystemSummary:
    sizes = {
        (labels["device"], labels["mountpoint"]): size
        for labels, size in read.samples("node_filesystem_size_bytes")
    }
    used = [
        1 - available / size
        for labels, available in read.samples("node_filesystem_avail_bytes")
        if (size := sizes.get((labels["device"], labels["mountpoint"])))
    ]
    return SystemSummary(
        cores=len({labels["cpu"] for labels, _ in read.samples("node_cpu_seconds_total")}),
        figures=read.one(SystemFigures),
        fullest_filesystem_ratio=max(used, default=None),
    )


def _sum(read: Read, metric: str) -> float:
    return float(sum(value for _, value in read.samples(metric)))


def _ratio(read: Read, hits: str, misses: str) -> float | None:
    found = _sum(read, hits)
    asked = found + _sum(read, misses)
    return found / asked if asked else None
