"""What a group of Redis servers needs: that its members are found, and what each of them needs."""

from __future__ import annotations

import asyncio

from exporter.doctor import redis
from exporter.doctor.finding import Finding, Notes
from exporter.model.deadline import Deadline
from exporter.sources.redis.nodes import RedisNodes

CHECK_SEEDS = "# does redis.address name nodes of the cluster, or Sentinels, as redis.discovery says?"


async def examine(group: RedisNodes, deadline: Deadline) -> list[Finding]:
    """The findings about a cluster, or about what Sentinels watch: the group, then each member."""
    nodes = await group.nodes(deadline)
    notes = Notes(group.describe())
    if group.failure:
        notes.error(f"the nodes are not known: {group.failure}", CHECK_SEEDS)
    else:
        notes.ok(f"{len(nodes)} nodes: {', '.join(nodes)}")
    examined = await asyncio.gather(*(redis.examine(server, deadline) for server in nodes.values()))
    return notes.findings + [finding for findings in examined for finding in findings]
