"""PgBouncer in front of a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from exporter.demo.account import server_account
from exporter.demo.process import LOOPBACK
from tests.servers import catalogue
from tests.servers.controlled import Controlled
from tests.servers.postgres import PASSWORD, Postgres
from tests.servers.program import Program, config_file

ADMIN, STATS = "admin", "stats"


class PgBouncer(Controlled[Program]):
    """PgBouncer with every database of the server behind it; it refuses root as PostgreSQL does.

    Users: `postgres` as on the server, `admin` (all commands of the console), `stats` (only SHOW); the
    password of each is `postgres`.

    Args:
        postgres: the running server.
        ini: lines of the section [pgbouncer] over ours: `{"pool_mode": "transaction"}`.
        databases: the section [databases]; by default `*`, that is all.
        sections: more sections: `{"users": {"postgres": "pool_size=3"}}`.

    Raises:
        Missing: PgBouncer is not on the machine.
    """

    def __init__(
        self,
        postgres: Postgres,
        *,
        ini: Mapping[str, str] | None = None,
        databases: Mapping[str, str] | None = None,
        sections: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        program = catalogue.debian_program("pgbouncer")
        self.postgres = postgres
        self.ini = dict(ini or {})
        self.sections = dict(sections or {})
        self.databases = databases or {"*": f"host={LOOPBACK} port={postgres.port}"}
        super().__init__(Program("pgbouncer", self._line, ready="", account=server_account()))
        self._program = program

    def _line(self, port: int) -> list[Any]:
        users = "".join(f'"{user}" "{PASSWORD}"\n' for user in ("postgres", ADMIN, STATS))
        settings = {
            "listen_addr": LOOPBACK,
            "listen_port": str(port),
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": str(config_file(self.process, "users.txt", users)),
            "admin_users": ADMIN,
            "stats_users": STATS,
            **self.ini,
        }
        sections = {"databases": self.databases, "pgbouncer": settings, **self.sections}
        text = "".join(
            f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())
            for name, lines in sections.items()
        )
        return [self._program, config_file(self.process, "pgbouncer.ini", text)]

    def dsn(self, *, dbname: str = "pgbouncer", user: str = ADMIN, password: str = PASSWORD) -> str:
        """A connection URI; by default that of the console."""
        return f"postgresql://{user}:{password}@{LOOPBACK}:{self.port}/{dbname}"

    def console(self, command: str, *, user: str = ADMIN) -> list[dict[str, Any]]:
        """Runs one command of the console; a row is column -> value.

        The console knows neither transactions nor prepared statements.
        """
        with psycopg.connect(
            self.dsn(user=user), autocommit=True, prepare_threshold=None, row_factory=psycopg.rows.dict_row
        ) as connection:
            cursor = connection.execute(command.encode())
            return cursor.fetchall() if cursor.description else []
