"""PostgreSQL servers of any supported major version."""

from __future__ import annotations

import ctypes
import shutil
import signal
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psycopg

from exporter.demo.account import server_account, within_reach
from exporter.demo.binaries import postgres_binaries
from exporter.demo.servers import POSTGRES_HBA, PostgresProcess
from tests.servers import catalogue, folders
from tests.servers.controlled import Controlled
from tests.servers.missing import Missing

MAJORS = tuple(catalogue.POSTGRES)
DEFAULT_MAJOR = 15
PASSWORD = "postgres"
IPC_RMID = 0

StopMode = Literal["smart", "fast", "immediate"]
STOP_SIGNALS: Mapping[StopMode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}


class Postgres(Controlled[PostgresProcess]):
    """One PostgreSQL server; superuser `postgres` with the password `postgres`.

    Args:
        major: 13 to 18.
        settings: configuration parameters; `{"shared_preload_libraries": "pg_stat_statements"}`.
        hba: the text of pg_hba.conf; the default wants a password by SCRAM.
        stop_mode: how `stop` asks for the end.
        data: the data folder that it starts with a copy of; that of a new cluster if not given.

    Raises:
        Missing: this major version is not on the machine.
    """

    def __init__(
        self,
        major: int = DEFAULT_MAJOR,
        *,
        settings: Mapping[str, str] | None = None,
        hba: str = POSTGRES_HBA,
        stop_mode: StopMode = "fast",
        data: Path | None = None,
    ) -> None:
        self.major = major
        self.stop_mode: StopMode = stop_mode
        folder = folders.new(f"pg{major}")
        shutil.copytree(data or _template(major) / "data", folder / "data", symlinks=True)
        super().__init__(
            PostgresProcess(_bin_dir(major), folder, settings=settings, password=PASSWORD, hba=hba)
        )

    def dsn(self, *, dbname: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """A connection URI; user and password are the superuser's if not given."""
        return self.process.dsn_of(dbname=dbname, user=user, password=password)

    def connect(self, **to: str) -> psycopg.Connection[tuple[Any, ...]]:
        """A new connection in autocommit; the arguments are those of `dsn`."""
        return psycopg.connect(self.dsn(**to), autocommit=True)

    def execute(self, sql: str, *, dbname: str = "postgres") -> list[tuple[Any, ...]]:
        """Runs one or several statements as superuser, in autocommit; the rows of the last one."""
        with self.connect(dbname=dbname) as connection:
            cursor = connection.execute(sql.encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        """An end by `stop_mode`."""
        self.process.stop(STOP_SIGNALS[self.stop_mode])

    def kill(self) -> None:
        """SIGKILL to the postmaster and all its children."""
        segment = self._segment()
        super().kill()
        # What the postmaster would have removed at any other end: its System V segment.
        ctypes.CDLL(None).shmctl(segment, IPC_RMID, None)

    def _segment(self) -> int:
        # Line 7 of the lock file: key and id of the shared memory segment.
        lines = (self.process.data / "postmaster.pid").read_text().splitlines()
        return int(lines[6].split()[1])


@cache
def _bin_dir(major: int) -> Path:
    binaries = postgres_binaries(catalogue.postgres_bin(major))
    if binaries is None:
        raise Missing(f"PostgreSQL {major} in {catalogue.postgres_bin(major)} does not start")
    account = server_account()
    folder = folders.new(f"bin{major}")
    account.give(folder)
    return within_reach(binaries.program, account, folder).parent


@cache
def _template(major: int) -> Path:
    """A cluster that was never started: initdb takes a second, a copy a tenth."""
    folder = folders.new(f"template{major}")
    process = PostgresProcess(_bin_dir(major), folder, password=PASSWORD)
    process.account.give(folder)
    process.prepare()
    return folder
