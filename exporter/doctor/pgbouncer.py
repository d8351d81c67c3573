"""What PgBouncer needs so that its console answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from exporter.doctor.finding import Finding, Notes
from exporter.model.deadline import Deadline
from exporter.model.errors import SourceError
from exporter.sources.pgbouncer import Row

RELOAD = "; then RELOAD in the console, or SIGHUP"


class ConsoleSource(Protocol):
    """What the doctor needs of a PgBouncer."""

    def describe(self) -> str:
        """Names it for people."""

    async def show(self, what: str, deadline: Deadline) -> Sequence[Row]:
        """The rows of `SHOW <what>`."""


async def examine(pgbouncer: ConsoleSource, login: str, deadline: Deadline) -> list[Finding]:
    """The findings about one PgBouncer.

    Args:
        pgbouncer: the console.
        login: the user that logs in.
        deadline: when the findings must be there.
    """
    notes = Notes(pgbouncer.describe())
    try:
        rows = await pgbouncer.show("VERSION", deadline)
    except SourceError as error:
        notes.error(str(error), *_remedy(str(error), login))
    else:
        version = next((row.get("version") for row in rows), None)
        notes.ok(f"{version or 'PgBouncer of unknown version'}, as user {login}")
        await _several_processes(pgbouncer, notes, deadline)
    return notes.findings


async def _several_processes(pgbouncer: ConsoleSource, notes: Notes, deadline: Deadline) -> None:
    """Processes that share a port have a console each, and a login reaches any of them."""
    try:
        rows = await pgbouncer.show("CONFIG", deadline)
    except SourceError:
        return  # the collector that wants it says so
    settings = {row.get("key"): row.get("value") for row in rows}
    if settings.get("so_reuseport") == "1":
        notes.advice(
            "so_reuseport is on: where several processes share the port, a login reaches any of them",
            "; give each process an address of its own, and make each a target: targets.NAME.pgbouncer.dsn",
            "unix_socket_dir = /run/pgbouncer/1",
        )


def _remedy(error: str, login: str) -> tuple[str, ...]:
    """What mends a refusal, from PgBouncer's sentence."""
    if "not allowed" in error:
        return (
            "; in pgbouncer.ini, section [pgbouncer]; after a comma where the line is there already",
            f"stats_users = {login}",
            RELOAD,
        )
    if "PostgreSQL server answers" in error:
        return ("; pgbouncer.dsn needs PgBouncer's own port: listen_port in pgbouncer.ini, 6432 by default",)
    if "no password supplied" in error:
        return ("; set pgbouncer.password_file or EXPORTER_PGBOUNCER__PASSWORD",)
    if "SSL" in error:
        return ("; sslmode in pgbouncer.dsn must fit client_tls_sslmode in pgbouncer.ini",)
    if "no such user" in error or "authentication failed" in error:
        return (
            "; in the file that auth_file names, with the password that pgbouncer.password has here",
            f'"{login.replace(chr(34), chr(34) * 2)}" "..."',
            RELOAD,
        )
    return ("; is PgBouncer running, and do host and port in pgbouncer.dsn lead to it?",)
