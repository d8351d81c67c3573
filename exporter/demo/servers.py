"""A private PostgreSQL cluster and a private Redis on loopback, each in a folder of its own."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from exporter.demo.account import Account, ServerFailed, run_as
from exporter.demo.process import LOOPBACK, ServerProcess

SUPERUSER = "postgres"
ONE_TRY = Retry(NoBackoff(), 0)

# For data that nobody will miss: no flush to disk, little memory, nothing outside the folder.
# The mmap file keeps a killed server from leaving segments in /dev/shm.
POSTGRES_SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",
    "logging_collector": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}

POSTGRES_HBA = """\
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""

# Forgets everything when it ends.
REDIS_SETTINGS: Mapping[str, str] = {
    "bind": LOOPBACK,
    "save": "",
    "appendonly": "no",
    "daemonize": "no",
}


class PostgresProcess(ServerProcess):
    """One PostgreSQL cluster: the folder `data` below `folder`, made by initdb unless it is there.

    Ended together with this process, the server shuts down at once (SIGQUIT); `stop` asks for a fast
    shutdown (SIGINT), which ends sessions and writes a checkpoint.

    Args:
        bin_dir: the folder with `postgres` and `initdb`; the account must be able to run them.
        folder: the cluster's own folder.
        port: the TCP port on 127.0.0.1; 0 for a free one.
        settings: configuration parameters (`shared_buffers`: `32MB`), over those of `POSTGRES_SETTINGS`.
        user: the superuser's name.
        password: the superuser's password; a generated one if not given.
        hba: the text of pg_hba.conf; everybody with a password if not given.
        account: the system user that it runs as.
    """

    name = "PostgreSQL"
    stop_signal = signal.SIGINT
    death_signal = signal.SIGQUIT

    def __init__(
        self,
        bin_dir: Path,
        folder: Path,
        *,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        user: str = SUPERUSER,
        password: str | None = None,
        hba: str = POSTGRES_HBA,
        account: Account | None = None,
    ) -> None:
        super().__init__(folder, port=port, account=account)
        self.bin_dir = bin_dir
        self.data = folder / "data"
        self.settings = {**POSTGRES_SETTINGS, **(settings or {})}
        self.user = user
        self.password = secrets.token_urlsafe(18) if password is None else password
        self.hba = hba

    @property
    def dsn(self) -> str:
        """A connection URI for the superuser, with the password."""
        return self.dsn_of()

    def dsn_of(
        self, *, dbname: str = "postgres", user: str | None = None, password: str | None = None
    ) -> str:
        """A connection URI; the password is the superuser's if another user's is not given."""
        name, secret = user or self.user, self.password if password is None else password
        where = f"{LOOPBACK}:{self.port}/{quote(dbname, safe='')}"
        return f"postgresql://{quote(name, safe='')}:{quote(secret, safe='')}@{where}"

    def command(self) -> list[str | Path]:
        """The postmaster in the foreground."""
        return [self.bin_dir / "postgres", "-D", self.data, "-p", str(self.port)]

    def prepare(self) -> None:
        """Makes the cluster if it is not there, and writes its configuration.

        Raises:
            ServerFailed: initdb failed; the message holds its output.
        """
        if not (self.data / "PG_VERSION").exists():
            self._initdb()
        conf = self.data / "postgresql.conf"
        include = "\ninclude 'private.conf'\n"
        if not conf.read_text().endswith(include):
            conf.write_text(conf.read_text() + include)
        lines = [f"{name} = {_quoted(value)}\n" for name, value in self.settings.items()]
        self._write(self.data / "private.conf", "".join(lines))
        self._write(self.data / "pg_hba.conf", self.hba)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o600)

    def _initdb(self) -> None:
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        self.account.give(secret)
        options: list[str | Path] = ["--username", self.user, "--pwfile", secret, "--auth", "scram-sha-256"]
        options += ["--encoding", "UTF8", "--locale", "C", "--no-sync"]
        done = run_as(self.account, self.folder, [self.bin_dir / "initdb", "-D", self.data, *options])
        secret.unlink()
        if done.returncode:
            said = done.stdout.strip()
            raise ServerFailed(f"initdb of {self.bin_dir} as {self.account.name} failed:\n  {said}")

    def answers(self) -> bool:
        """Whether our postmaster has said "ready" in its lock file (its line 8; line 1 is the pid)."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"


def _quoted(value: str) -> str:
    """A value as postgresql.conf wants it."""
    return "'" + value.replace("'", "''") + "'"


class RedisProcess(ServerProcess):
    """One Redis without persistence.

    Args:
        program: the `redis-server` file; the account must be able to run it.
        folder: the server's own folder.
        port: the TCP port on 127.0.0.1; 0 for a free one.
        settings: directives (`maxmemory`: `32mb`), over those of `REDIS_SETTINGS`.
        arguments: more of the command line, over all directives.
        password: what clients have to say; a generated one if not given, none if empty.
        account: the system user that it runs as.
    """

    name = "Redis"

    def __init__(
        self,
        program: Path,
        folder: Path,
        *,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        password: str | None = None,
        account: Account | None = None,
    ) -> None:
        super().__init__(folder, port=port, account=account)
        self.program = program
        self.arguments = tuple(arguments)
        self.settings = {**REDIS_SETTINGS, **(settings or {})}
        self.password = secrets.token_urlsafe(18) if password is None else password

    @property
    def dsn(self) -> str:
        """A connection URL, with the password if there is one."""
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{login}{LOOPBACK}:{self.port}/0"

    def command(self) -> list[str | Path]:
        """The server with its configuration file: a password on the command line is seen by all."""
        return [self.program, self.folder / "redis.conf", "--port", str(self.port), *self.arguments]

    def prepare(self) -> None:
        """Writes the configuration file."""
        directives = {**self.settings, "dir": str(self.folder)}
        if self.password:
            directives["requirepass"] = self.password
        conf = self.folder / "redis.conf"
        conf.touch(mode=0o600)
        conf.write_text("".join(f'{name} "{value}"\n' for name, value in directives.items()))

    def answers(self) -> bool:
        """Whether the server behind the port is our process and has loaded its data."""
        try:
            with redis.Redis.from_url(self.dsn, socket_timeout=1.0, retry=ONE_TRY) as client:
                server = client.info("server")
        except (redis.RedisError, OSError):
            return False
        return isinstance(server, dict) and server.get("process_id") == self.pid
