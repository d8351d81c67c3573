"""Captures what Redis 6.2, 7.0 and 8.2 answer: python -m tests.record_redis

After a small workload it writes the replies that the collectors ask for to `tests/recorded/redis/`, and the
pages that come of them to `tests/golden/redis/`. Run it after a change of a collector; the difference in
the golden files is what users will see. With `--golden` it writes the pages alone.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from time import monotonic, sleep

from exporter.demo.process import free_port
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused
from exporter.sources.redis import Command, RedisOptions, RedisServer, Reply
from exporter.sources.redis.server import INFO_ALL
from tests.replay_redis import GOLDEN, RECORDINGS, WRITTEN, collectors, golden, page, played, save
from tests.servers import VERSIONS, Redis
from tests.servers.redis_sentinel import MASTER, Sentinel, SentinelTrio

# They tell of the machine that records.
PATHS = re.compile(r"^(executable|config_file):[^\r\n]*", re.MULTILINE)
KERNEL = re.compile(r"^(os:\S+) \S+", re.MULTILINE)

FOLDER = "/data"

EAGER = {"repl-diskless-sync-delay": "0"}

READS = ("GET text", "HGETALL hash", "LRANGE list 0 -1", "SMEMBERS set", "ZRANGE zset 0 -1", "EXISTS gone")
WRITES = (
    "SET text value",
    "SET short lived EX 3600",
    "INCR number",
    "RPUSH list a b c",
    "SADD set a b",
    "HSET hash field value",
    "ZADD zset 1 a 2 b",
    "XADD stream * field value",
)
WRONG = ("INCR text", "LPUSH text a", "NOSUCHCOMMAND")


def main(arguments: Sequence[str]) -> int:
    """Records all servers, unless only the pages are wanted."""
    if "--golden" not in arguments:
        for version in VERSIONS:
            with Redis(version, settings={"latency-monitor-threshold": "10"}) as server:
                live(server)
                record(version, server)
        with Redis("7.0", settings=EAGER) as master, replica_of(master) as replica:
            live(master)
            in_sync(replica)
            record("7.0-replica", replica)
        with cluster_node("8.2") as node:
            form_cluster(node)
            record("8.2-cluster", node)
        with SentinelTrio("8.2") as trio:
            record("8.2-sentinel", trio.sentinels[0])
    asyncio.run(write_golden())
    return 0


def live(server: Redis) -> None:
    """A little of everything: reads, writes, errors, a second database, a slow call and its spike."""
    with server.client() as client:
        for command in (*WRITES * 3, *READS * 5, *WRONG):
            client.pipeline(transaction=False).execute_command(*command.split()).execute(raise_on_error=False)
        client.execute_command("DEBUG", "SLEEP", "0.02")
    with server.client() as client:
        client.execute_command("SELECT", "3")
        client.execute_command("SET", "other", "1")


def replica_of(master: Redis) -> Redis:
    """A replica, not started yet."""
    return Redis(master.version, args=["--replicaof", "127.0.0.1", str(master.port)])


def in_sync(replica: Redis, seconds: float = 10) -> None:
    """Waits until it is connected to its master."""
    limit = monotonic() + seconds
    while replica.execute("INFO", "replication")["master_link_status"] != "up" and monotonic() < limit:
        sleep(0.05)


def cluster_node(version: str) -> Redis:
    """A node of a cluster, not started yet; its bus has a port of its own where the version allows."""
    bus = {} if version == "6.2" else {"cluster-port": str(free_port())}
    return Redis(version, settings={"cluster-enabled": "yes", **bus})


def form_cluster(node: Redis) -> None:
    """A cluster of one node that owns all slots."""
    node.execute("CLUSTER", "ADDSLOTS", *range(16384))
    limit = monotonic() + 10
    while "cluster_state:ok" not in node.execute("CLUSTER", "INFO") and monotonic() < limit:
        sleep(0.05)


def record(name: str, server: Redis | Sentinel) -> None:
    """Writes what the server answers to every command that the collectors ask for."""
    info, replies = asyncio.run(_ask(server))
    save(name, KERNEL.sub(r"\1 6.1.0", PATHS.sub(r"\1:", info)), {**replies, **_elsewhere(replies)})
    print(f"recorded {name}: {len(replies)} replies")


def _elsewhere(replies: Mapping[Command, Reply]) -> dict[Command, Reply]:
    """The replies of CONFIG GET that name folders of this machine, with other names."""
    found: dict[Command, Reply] = {}
    for command, reply in replies.items():
        if command[:2] == ("CONFIG", "GET") and isinstance(reply, list):
            found[command] = [FOLDER if str(value).startswith("/") else value for value in reply]
    return found


async def _ask(server: Redis | Sentinel) -> tuple[str, dict[Command, Reply]]:
    source = RedisServer(RedisOptions(url=server.url))
    commands = sorted({tuple(line.split("  ")[0].split()) for line in _explained()} - {INFO_ALL})
    try:
        replies = await source.fetch([INFO_ALL, *commands], Deadline.after(5))
    finally:
        await source.close()
    answers = zip(commands, replies[1:], strict=True)
    return str(replies[0]), {command: reply for command, reply in answers if not isinstance(reply, Refused)}


def _explained() -> list[str]:
    lines = "\n".join(spec.explain(None) for spec in collectors().values())
    return lines.replace("<master>", MASTER).splitlines()


async def write_golden() -> None:
    """The page of every recording."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in (*RECORDINGS, *WRITTEN):
        golden(name).write_text(await page(played(name)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
