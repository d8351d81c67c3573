"""Redis servers of three versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import redis

from exporter.demo.account import server_account, within_reach
from exporter.demo.binaries import redis_program
from exporter.demo.servers import ONE_TRY, RedisProcess
from tests.servers import catalogue, folders
from tests.servers.controlled import Controlled

VERSIONS = ("6.2", "7.0", "8.2")
DEFAULT_VERSION = "7.0"


class Redis(Controlled[RedisProcess]):
    """One Redis server; `DEBUG` is allowed where the version asks for that.

    Args:
        version: "6.2", "7.0" or "8.2".
        args: more arguments of the command line: `["--maxmemory", "32mb"]`.
        settings: directives of the configuration file.
        password: what clients have to say; none by default.

    Raises:
        Missing: this version is not on the machine.
    """

    def __init__(
        self,
        version: str = DEFAULT_VERSION,
        *,
        args: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        password: str = "",
    ) -> None:
        self.version = version
        debug = {} if version == "6.2" else {"enable-debug-command": "local"}
        super().__init__(
            RedisProcess(
                program(version),
                folders.new(f"redis{version}"),
                settings={**debug, **(settings or {})},
                arguments=args,
                password=password,
            )
        )

    @property
    def url(self) -> str:
        """A connection URL, with the password if there is one."""
        return self.process.dsn

    def client(self) -> redis.Redis:
        """A new client that answers in text and does not try again; close it, or use `with`."""
        return redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=5.0, retry=ONE_TRY)

    def execute(self, *command: str | int) -> Any:
        """Runs one command and returns its answer."""
        with self.client() as client:
            return client.execute_command(*command)


@cache
def program(version: str) -> Path:
    """The redis-server of a version, where the servers' account can run it.

    Raises:
        Missing: it is not there.
    """
    account = server_account()
    folder = folders.new(f"bin{version}")
    account.give(folder)
    return within_reach(redis_program(catalogue.redis_server(version)), account, folder)
