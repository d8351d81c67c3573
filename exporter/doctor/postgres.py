"""What a PostgreSQL server (13 to 18) needs so that everything can be collected from it.

The parts: `postgres_facts.py` asks; `postgres_rights.py`, `postgres_databases.py`, `postgres_extensions.py`
and `postgres_settings.py` look at the answers; `postgres_plans.py` tries to get plans; `postgres_connect.py`
knows why there were no answers.
"""

from __future__ import annotations

from exporter.doctor import (
    postgres_databases,
    postgres_extensions,
    postgres_plans,
    postgres_rights,
    postgres_settings,
)
from exporter.doctor.finding import Finding, Notes
from exporter.doctor.postgres_connect import remedy_of
from exporter.doctor.postgres_facts import DATABASES, Expected, Facts, PostgresSource, by_row, facts_of
from exporter.doctor.sql import identifier
from exporter.model.deadline import Deadline
from exporter.model.errors import SourceError
from exporter.model.view import SUPPORTED_MAJORS

NEARLY_FULL = 0.9
"""The part of the connections in use from which on it is worth a word."""


async def examine(server: PostgresSource, expected: Expected, deadline: Deadline) -> list[Finding]:
    """The findings about one server; a server that is not reached gives one, an error."""
    notes = Notes(server.describe())
    try:
        facts = await facts_of(server, deadline)
        databases = by_row(await server.fetch(DATABASES, deadline))
        _version(facts, notes)
        open_to_all = {name or "": public == "1" for name, _, public in databases}
        postgres_rights.examine(facts, expected, open_to_all, notes)
        _limits(facts, expected, notes)
        postgres_databases.closed(
            facts, expected, [name or "" for name, is_open, _ in databases if is_open != "1"], notes
        )
        await postgres_databases.examine(server, facts, expected, deadline, notes)
        postgres_extensions.examine(facts, expected, notes)
        postgres_settings.examine(facts, expected, notes)
        if postgres_rights.plans_wanted(expected) and not facts.holds("superuser"):
            own_role = postgres_rights.own_role(facts, expected, open_to_all)
            await postgres_plans.examine(server, facts, own_role, deadline, notes)
        _encryption(facts, notes)
    except SourceError as error:
        notes.error(str(error), *remedy_of(str(error), expected.login, expected.max_connections))
    return notes.findings


def _version(facts: Facts, notes: Notes) -> None:
    oldest, newest = SUPPORTED_MAJORS[0], SUPPORTED_MAJORS[-1]
    text = f"PostgreSQL {facts.text('version')}, as role {facts.text('role')}"
    if facts.major < oldest:
        notes.error(f"{text}: supported are {oldest} to {newest}", "-- upgrade the server")
    elif facts.major > newest:
        notes.advice(
            f"{text}: newer than {newest}, the newest that is tested, and read like it",
            "-- look for a newer release of the exporter",
        )
    else:
        notes.ok(text)


def _limits(facts: Facts, expected: Expected, notes: Notes) -> None:
    limit, wanted = facts.number("connection_limit"), expected.max_connections
    if 0 <= limit < wanted and not facts.holds("login_superuser"):
        login = identifier(facts.text("login"))
        notes.error(
            f"the role has a connection limit of {limit}, less than postgres.max_connections, {wanted}",
            f"ALTER ROLE {login} CONNECTION LIMIT {wanted};",
        )
    used, usable = facts.number("used"), facts.number("usable")
    if used >= NEARLY_FULL * usable:
        more = 2 * facts.number("max_connections")
        notes.advice(
            f"{used} of the {usable} connections that are not reserved are in use",
            *postgres_settings.set_server(facts, "max_connections", str(more)),
            "-- then restart the server; or put a pooler such as PgBouncer in front of it",
        )


def _encryption(facts: Facts, notes: Notes) -> None:
    remote = facts.text("remote")
    if not remote or facts.holds("encrypted"):
        return
    server = [] if facts.text("ssl") == "on" else ["-- on the server: ssl_cert_file, ssl_key_file, ssl = on"]
    notes.advice(
        f"the connection from {remote} is not encrypted",
        *server,
        "-- in postgres.dsn: sslmode=verify-full, and sslrootcert=FILE with the server's authority",
    )
