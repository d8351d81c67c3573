"""A Redis with two replicas, watched by three Sentinels, on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import redis

from exporter.demo.process import LOOPBACK
from exporter.demo.servers import ONE_TRY, RedisProcess
from tests.servers import folders
from tests.servers.controlled import Controlled
from tests.servers.redis import DEFAULT_VERSION, Redis, program
from tests.servers.redis_cluster import address, wait_for

MASTER = "cache"
QUORUM = 2
OPTIONS = {"down-after-milliseconds": "1000", "failover-timeout": "4000", "parallel-syncs": "1"}
REPLICATION = {"repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1", "shutdown-timeout": "0"}

# They ask and tell each other several times a second; the defaults go up to ten seconds. During a failover
# INFO is asked once a second: a replica whose INFO is older than five periods of PING is not promoted, and
# one that is a master for four periods of PUBLISH without a word from the leader is made a replica again.
HASTE = ("INFO-PERIOD", "100", "PUBLISH-PERIOD", "400", "PING-PERIOD", "400", "ASK-PERIOD", "100")


class SentinelProcess(RedisProcess):
    """A Sentinel of one master. What it learns it writes to its configuration file, which a restart keeps.

    Args:
        program: the redis-server file.
        folder: its own folder.
        master: the port of the master on loopback.
        options: directives about the master: `down-after-milliseconds`.
        password: what clients and other Sentinels have to say; none if empty.
    """

    name = "Redis Sentinel"

    def __init__(
        self, program: Path, folder: Path, *, master: int, options: Mapping[str, str], password: str = ""
    ) -> None:
        super().__init__(program, folder, arguments=["--sentinel"], password=password)
        self.directives = [f"monitor {MASTER} {LOOPBACK} {master} {QUORUM}"]
        self.directives += [f"{name} {MASTER} {value}" for name, value in options.items()]
        if password:
            self.directives.append(f"sentinel-pass {password}")

    def prepare(self) -> None:
        """Writes the configuration file, once."""
        conf = self.folder / "redis.conf"
        if not conf.exists():
            super().prepare()
            conf.write_text(conf.read_text() + "".join(f"sentinel {line}\n" for line in self.directives))


class Sentinel(Controlled[SentinelProcess]):
    """One Sentinel, as `SentinelProcess` has it; started, it hurries.

    Args:
        version: of the redis-server.
        master: the port of the master on loopback.
        options: directives about the master, over `OPTIONS`.
        password: what clients have to say; none by default.
    """

    def __init__(
        self, version: str, master: int, *, options: Mapping[str, str] | None = None, password: str = ""
    ) -> None:
        folder = folders.new(f"sentinel{version}")
        merged = {**OPTIONS, **(options or {})}
        super().__init__(
            SentinelProcess(program(version), folder, master=master, options=merged, password=password)
        )

    @property
    def url(self) -> str:
        """A connection URL, with the password if there is one."""
        return self.process.dsn

    def start(self) -> Self:
        """Starts it, and makes it quick."""
        super().start()
        self.execute("SENTINEL", "DEBUG", *HASTE)
        return self

    def execute(self, *command: str) -> Any:
        """Runs one command and returns its answer."""
        with redis.Redis.from_url(
            self.url, decode_responses=True, socket_timeout=5.0, retry=ONE_TRY, protocol=2
        ) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)

    def flags(self, what: str) -> dict[int, list[str]]:
        """Port -> flags of its SENTINELS or REPLICAS."""
        found = map(_named, self.execute("SENTINEL", what, MASTER))
        return {int(one["port"]): one["flags"].split(",") for one in found}

    def master_port(self) -> int:
        """The port of the server that it holds for the master."""
        return int(self.execute("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])


class SentinelTrio:
    """A master, two replicas and three Sentinels.

    Args:
        version: "7.0" or "8.2": older ones can't be made quick.
        password: of the Sentinels.

    Attributes:
        servers: the master at the start, and its replicas.
        sentinels: the three.
    """

    def __init__(self, version: str = DEFAULT_VERSION, *, password: str = "") -> None:
        self.version = version
        self.password = password
        self.servers: list[Redis] = []
        self.sentinels: list[Sentinel] = []
        self._stack = ExitStack()

    @property
    def seeds(self) -> list[str]:
        """`127.0.0.1:port` of each Sentinel."""
        return [f"{LOOPBACK}:{sentinel.port}" for sentinel in self.sentinels]

    def start(self) -> Self:
        """Starts all six, and waits until each Sentinel knows the other five."""
        with ExitStack() as stack:
            master = stack.enter_context(Redis(self.version, settings=REPLICATION))
            self.servers.append(master)
            line = ["--replicaof", LOOPBACK, str(master.port)]
            for _ in range(2):
                self.servers.append(stack.enter_context(Redis(self.version, settings=REPLICATION, args=line)))
            for _ in range(3):
                sentinel = Sentinel(self.version, master.port, password=self.password)
                self.sentinels.append(stack.enter_context(sentinel))
            wait_for(self.well, "each Sentinel knows all")
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        """Ends all and removes their folders."""
        self._stack.close()

    def well(self) -> bool:
        """Whether each Sentinel sees two replicas and two others, all up and linked to their master."""
        return all(map(_sees_all, self.sentinels))

    def master(self) -> Redis:
        """The server that the first Sentinel holds for the master."""
        port = self.sentinels[0].master_port()
        return next(server for server in self.servers if server.port == port)

    def fail_over(self) -> tuple[Redis, Redis]:
        """Kills the master and waits until another one has taken its place for all Sentinels.

        Returns:
            The one that was killed, and the promoted one.
        """
        killed = self.master()
        killed.kill()
        wait_for(lambda: self._agree_without(killed), f"a replica of {address(killed)} has taken over")
        return killed, self.master()

    def _agree_without(self, killed: Redis) -> bool:
        ports = {sentinel.master_port() for sentinel in self.sentinels}
        return len(ports) == 1 and killed.port not in ports and _settled(self.sentinels)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def _settled(sentinels: list[Sentinel]) -> bool:
    flags = [_named(sentinel.execute("SENTINEL", "MASTER", MASTER))["flags"] for sentinel in sentinels]
    return flags == ["master"] * len(sentinels)


def _sees_all(sentinel: Sentinel) -> bool:
    replicas = [_named(reply) for reply in sentinel.execute("SENTINEL", "REPLICAS", MASTER)]
    others = [_named(reply) for reply in sentinel.execute("SENTINEL", "SENTINELS", MASTER)]
    linked = all(r["flags"] == "slave" and r["master-link-status"] == "ok" for r in replicas)
    known = all(o["flags"] == "sentinel" for o in others)
    return len(replicas) == len(others) == 2 and linked and known


def _named(reply: list[str]) -> dict[str, str]:
    return dict(zip(reply[::2], reply[1::2], strict=True))
