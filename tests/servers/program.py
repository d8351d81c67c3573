"""Any program with a TCP port as a child process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from exporter.demo.account import Account
from exporter.demo.process import ServerProcess
from tests.servers import folders, page

CURRENT_USER = Account("the current user")


class Program(ServerProcess):
    """A program that is ready when it listens on its port and, where it has one, its ready page is 200.

    Args:
        name: its name, for messages and for the folder.
        line: makes the command line from the port.
        ready: the path of an HTTP page that answers 200 once it is ready; empty for no HTTP.
        env: environment variables, over a bare environment.
        account: who it runs as; we ourselves by default.
    """

    def __init__(
        self,
        name: str,
        line: Callable[[int], Sequence[str | Path]],
        *,
        ready: str = "/metrics",
        env: Mapping[str, str] | None = None,
        account: Account = CURRENT_USER,
    ) -> None:
        super().__init__(folders.new(name), account=account)
        self.name = name
        self.line = line
        self.ready = ready
        self.env = dict(env or {})

    def command(self) -> list[str | Path]:
        """The command line."""
        return list(self.line(self.port))

    def environment(self) -> dict[str, str]:
        """The bare environment and what this program needs beyond."""
        return {**super().environment(), **self.env}

    def prepare(self) -> None:
        """Nothing: files were written by who made this."""

    def answers(self) -> bool:
        """Whether our process, not another one, listens on the port, and says that it is ready."""
        try:
            connections = psutil.Process(self.pid).net_connections("tcp")
            if not any(c.status == psutil.CONN_LISTEN and c.laddr.port == self.port for c in connections):
                return False
            return not self.ready or page.request(self.port, self.ready, timeout=5.0).status == 200
        except (psutil.Error, OSError):
            return False


def config_file(process: ServerProcess, name: str, content: str | Mapping[str, object]) -> Path:
    """Writes a configuration into a process's folder; a mapping becomes JSON, which YAML readers accept."""
    path = process.folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return path
