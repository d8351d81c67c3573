"""The services of compose.yml as processes of this machine, from the files that it mounts.

Their programs are Debian's and this environment's in place of the images'. A service is ready when its own
health check of compose.yml says so. What stands for which name is in `tests.deploy.compose.names`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

from exporter.demo.account import Account, ServerFailed, run_as, server_account
from tests.deploy.compose.generated import FOLDER
from tests.deploy.compose.names import Tree, addresses
from tests.deploy.compose.stack import Service, services
from tests.servers import catalogue, folders
from tests.servers.controlled import Controlled
from tests.servers.program import CURRENT_USER, Program

ORDER = ("postgres", "redis", "pgbouncer", "exporter", "alert-log", "alertmanager", "prometheus", "shop")
"""All but Grafana, which is in no package index."""

PACKAGES: Mapping[str, str] = {
    "postgres": "postgresql-15",
    "redis": "redis-server",
    "pgbouncer": "pgbouncer",
    "prometheus": "prometheus",
    "alertmanager": "prometheus-alertmanager",
}

ENTRY_POINTS: Mapping[str, str] = {
    "exporter": "datastack-exporter",
    "prometheus": "prometheus",
    "alertmanager": "prometheus-alertmanager",
}
"""What the images start by themselves, and Debian's name for it."""

EXTRA: Mapping[str, Sequence[str]] = {
    "prometheus": (
        "--web.listen-address={address}:9090",
        "--rules.alert.resend-delay=1s",
        "--log.level=warn",
    ),
    "alertmanager": ("--web.listen-address={address}:9093", "--log.level=warn"),
    "postgres": (
        *("-D", "{folder}/var/lib/postgresql/data", "-c", "listen_addresses={address}", "-c", "fsync=off"),
        *("-c", "unix_socket_directories={folder}/var/run/postgresql"),
        *("-c", "dynamic_shared_memory_type=mmap"),
    ),
}
"""Arguments beyond those of compose.yml: addresses and paths that images have as defaults, and haste."""

INITDB = "/docker-entrypoint-initdb.d"


def path() -> str:
    """PATH with this environment's programs, and with those of servers."""
    bins = [str(Path(sys.executable).parent), str(catalogue.postgres_bin(15)), catalogue.search_path()]
    return os.pathsep.join(bins)


class Native(Program):
    """One service as a process.

    Args:
        tree: what it finds at the paths of its container.
        account: who it runs as.
    """

    def __init__(self, tree: Tree, account: Account) -> None:
        self.tree = tree
        self.service = tree.service
        own = {key: tree.text(str(value)) for key, value in self.service.spec.get("environment", {}).items()}
        shared = {"PATH": path(), "PYTHONPATH": str(catalogue.ROOT), "PYTHONUNBUFFERED": "1"}
        super().__init__(self.service.name, lambda _: self._line(), env={**shared, **own}, account=account)

    def prepare(self) -> None:
        """Copies what is mounted, the first time; a server that starts again finds its data."""
        if not self.tree.folder.exists():
            self.tree.folder.mkdir()
            self.tree.plant(self.account)
            if self.tree.path(INITDB).exists():
                initialise(self)

    def answers(self) -> bool:
        """Whether the health check of compose.yml holds."""
        return self.healthy()

    def healthy(self) -> bool:
        """Runs that check, once. `wget` is BusyBox's in the images; its request is made from here."""
        kind, *line = self.service.spec["healthcheck"]["test"]
        line = [self.tree.text(word) for word in (["sh", "-c", *line] if kind == "CMD-SHELL" else line)]
        if line[0] == "wget":
            return _answers_200(line[-1])
        return subprocess.run(line, env=self.environment(), capture_output=True, check=False).returncode == 0

    def extra(self) -> list[str]:
        """The arguments beyond those of compose.yml."""
        words = EXTRA.get(self.service.name, ())
        return [word.format(address=self.tree.address, folder=self.tree.folder) for word in words]

    def _line(self) -> Sequence[str | Path]:
        entry = ENTRY_POINTS.get(self.service.name)
        first, *rest = [*([entry] if entry else []), *map(self.tree.text, self.service.line)]
        return [found(first), *rest, *self.extra()]


def found(program: str) -> Path:
    """The file of a program on `path()`."""
    file = shutil.which(program, path=path())
    assert file, f"{program} is not on {path()}"
    return Path(file)


def initialise(postgres: Native) -> None:
    """What PostgreSQL's image does with an empty volume: initdb, and its scripts on a server without TCP.

    Source: https://github.com/docker-library/postgres/blob/master/docker-entrypoint.sh
    """
    tree, env = postgres.tree, postgres.env
    data, socket = tree.path("/var/lib/postgresql/data"), tree.path("/var/run/postgresql")

    def run(program: str, *words: str | Path) -> None:
        done = run_as(postgres.account, data, [found(program), *words])
        if done.returncode:
            raise ServerFailed(f"{program} failed: {done.stdout}")

    superuser = ("--username=postgres", f"--pwfile={env['POSTGRES_PASSWORD_FILE']}", "--no-sync")
    # The image has a locale of UTF-8.
    run("initdb", "-D", data, *superuser, "--encoding=UTF8", *env["POSTGRES_INITDB_ARGS"].split())
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")
    options = " ".join(f"'{word}'" for word in [*postgres.service.line[1:], *postgres.extra()[2:]])
    log = data.parent / "initdb.log"
    log.touch()
    postgres.account.give(log)
    run("pg_ctl", "-D", data, "-w", "-l", log, "-o", f"{options} -c listen_addresses=", "start")
    try:
        for script in sorted(tree.path(INITDB).iterdir()):
            assert script.suffix == ".sql", script
            psql = ("-v", "ON_ERROR_STOP=1", "--no-password", "--no-psqlrc", "-h", socket)
            run("psql", *psql, "--username=postgres", "--dbname=postgres", "-f", script)
    finally:
        run("pg_ctl", "-D", data, "-w", "-m", "fast", "stop")


def _answers_200(address: str) -> bool:
    try:
        with urlopen(address, timeout=3) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


class Stack:
    """The services that run natively. A context manager; `stack["postgres"]` is one of them, with its faults.

    Attributes:
        secrets: the folder with passwords.
        hosts: service -> address.
    """

    def __init__(self) -> None:
        for package in PACKAGES.values():
            catalogue.debian_program(package)
        folder = folders.new("compose")
        folder.chmod(0o711)
        self.secrets = folder / "secrets"
        subprocess.run(["sh", FOLDER / "secrets.sh", self.secrets], check=True, capture_output=True)
        described = services()
        self.hosts = addresses(described)
        self._running = {name: self._service(described[name], folder / name) for name in ORDER}
        self._stack = ExitStack()

    def _service(self, service: Service, folder: Path) -> Controlled[Native]:
        account = CURRENT_USER if service.name not in ("postgres", "redis", "pgbouncer") else server_account()
        return Controlled(Native(Tree(service, folder, self.secrets, self.hosts), account))

    def __getitem__(self, name: str) -> Controlled[Native]:
        return self._running[name]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for service in self._running.values():
                stack.enter_context(service)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def secret(self, name: str) -> str:
        """The text of a secret."""
        return (self.secrets / name).read_text().strip()

    def url(self, name: str) -> str:
        """The address of a service with one port."""
        ((_, _, port),) = self[name].process.service.ports
        return f"http://{self.hosts[name]}:{port}"

    def environment(self, name: str) -> dict[str, Any]:
        """What a command of a container would have as environment."""
        return self[name].process.environment()
