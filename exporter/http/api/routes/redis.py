"""Redis: state, statistics, keys, slow log. Of a group of servers each node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from exporter.http.api.data import Data, Place, With
from exporter.http.api.figures import Read
from exporter.http.api.problems import documented
from exporter.http.api.routes.redis_models import (
    BigKey,
    CommandStatistics,
    Database,
    Instance,
    NodeKeys,
    NodeSlowLog,
    NodeStatistics,
    Pattern,
    RedisKeys,
    RedisNode,
    RedisSlowLog,
    RedisStats,
    RedisStatus,
    SlowCall,
    SlowCommand,
    SlowLog,
    Statistics,
)
from exporter.http.api.times import Time, at, moment
from exporter.model.slow_query import SlowKind, slow_queries_of
from exporter.settings.model import NODE_LABEL

router = APIRouter(prefix="/redis", tags=["redis"])

UP = "redis_up"
IDENTITY = ("role", "redis_version", "redis_mode", "maxmemory_policy")


async def _read(data: Data, place: Place, collectors: Sequence[str]) -> tuple[Read, Time]:
    read = await data.snapshot(place.target, (UP, *collectors), needs="redis")
    return read, moment(read.snapshot.taken_at)


def _of(node: str | None) -> dict[str, str]:
    """What the series of a node have."""
    return {} if node is None else {NODE_LABEL: node}


@router.get("/status", response_model=RedisStatus, responses=documented())
async def status(data: With, place: Annotated[Place, Query()]) -> RedisStatus:
    """Whether the servers answer, what they are, and how they are."""
    read, taken_at = await _read(data, place, ("redis_info",))
    return RedisStatus(taken_at=taken_at, nodes=[_node(read, node) for node in read.nodes()])


def _node(read: Read, node: str | None) -> RedisNode:
    match = _of(node)
    infos = (labels for labels, _ in read.samples("redis_instance_info") if match.items() <= labels.items())
    identity = next(infos, {})
    known = {name: identity.get(name) or None for name in IDENTITY}
    return RedisNode(node=node, up=read.first(UP, **match) == 1, **known, figures=read.one(Instance, **match))


@router.get("/stats", response_model=RedisStats, responses=documented())
async def stats(data: With, place: Annotated[Place, Query()]) -> RedisStats:
    """What the servers have counted since they started, in all and by command."""
    read, taken_at = await _read(data, place, ("redis_info", "redis_commandstats"))
    nodes = [
        NodeStatistics(
            node=node,
            stats=read.one(Statistics, **_of(node)),
            commands=read.rows(CommandStatistics, **_of(node)),
        )
        for node in read.nodes()
    ]
    return RedisStats(taken_at=taken_at, nodes=nodes)


@router.get("/keys", response_model=RedisKeys, responses=documented())
async def keys(data: With, place: Annotated[Place, Query()]) -> RedisKeys:
    """How many keys there are, by database and by pattern, and the largest."""
    collectors = ("redis_keyspace", "redis_key_patterns", "redis_big_keys")
    read, taken_at = await _read(data, place, collectors)
    nodes = [
        NodeKeys(
            node=node,
            databases=[database for database in read.rows(Database, **_of(node)) if database.keys],
            patterns=read.rows(Pattern, **_of(node)),
            big_keys=read.rows(BigKey, **_of(node)),
        )
        for node in read.nodes()
    ]
    return RedisKeys(taken_at=taken_at, nodes=nodes)


@router.get("/slow-log", response_model=RedisSlowLog, responses=documented())
async def slow_log(data: With, place: Annotated[Place, Query()]) -> RedisSlowLog:
    """The slow log: its length, slow calls by command, and the newest calls that were seen."""
    read, taken_at = await _read(data, place, ("redis_slowlog",))
    nodes = [
        NodeSlowLog(
            node=node,
            slow_log=read.one(SlowLog, **_of(node)),
            commands=read.rows(SlowCommand, **_of(node)),
        )
        for node in read.nodes()
    ]
    seen = slow_queries_of(data.source(place.target, "redis")).newest(SlowKind.COMMAND)
    calls = [SlowCall(at=at(q.at), server=q.server, cmd=q.operation, seconds=q.seconds) for q in seen]
    return RedisSlowLog(taken_at=taken_at, nodes=nodes, calls=calls)
