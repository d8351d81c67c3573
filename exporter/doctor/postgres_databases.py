"""Whether each database that should be collected from lets us in, and shows what its collectors read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from exporter.doctor.finding import Notes
from exporter.doctor.postgres_connect import remedy_of
from exporter.doctor.postgres_facts import UNREAD, Expected, Facts, PostgresSource, by_row
from exporter.doctor.postgres_rights import DATA, declared, there
from exporter.doctor.sql import identifier
from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.model.errors import SourceError
from exporter.sources.postgres.rows import Rows

NAMED = 8
"""How many databases are named where all is well."""


class Hidden(NamedTuple):
    """What the role may not read.

    Attributes:
        schema: where.
        kind: `table` or `sequence`.
        closed: whether the role may not even look up names in the schema.
    """

    schema: str
    kind: str
    closed: bool


Unread = Mapping[str, Sequence[Hidden]]
"""Database -> what is in it and the role may not read."""
LOST = {"table": ", and `analyze` gets no plans of their queries", "sequence": ""}


def closed(facts: Facts, expected: Expected, names: Sequence[str], notes: Notes) -> None:
    """Notes which of the databases that the role may not connect to should be collected from."""
    login = identifier(facts.text("login"))
    for name in filter(expected.wanted, names):
        notes.error(
            f"database {name}: the role may not connect",
            f"GRANT CONNECT ON DATABASE {identifier(name)} TO {login};",
            "-- or leave it out: postgres.exclude_databases",
        )


async def examine(
    server: PostgresSource, facts: Facts, expected: Expected, deadline: Deadline, notes: Notes
) -> None:
    """Connects to each database that is collected from, and notes what is hidden in it.

    Raises:
        SourceError: the list of databases did not come.
    """
    names = await server.databases(deadline)
    readers = _readers(facts, expected)
    asked = UNREAD if readers else "SELECT 1"
    fetches = (server.fetch(asked, deadline, database=name) for name in names)
    unread: dict[str, Rows] = {}
    for name, answer in zip(names, await asyncio.gather(*fetches, return_exceptions=True), strict=True):
        if isinstance(answer, Rows):
            unread[name] = answer
        elif isinstance(answer, SourceError):
            remedy = remedy_of(str(answer), facts.text("login"), expected.max_connections)
            notes.error(f"database {name}: {answer}", *remedy)
        else:
            raise answer
    if len(unread) == len(names):
        more = ", ..." if len(names) > NAMED else ""
        notes.ok(f"databases that are collected from: {len(names)} ({', '.join(names[:NAMED])}{more})")
    if readers:
        _hidden(facts, readers, {name: _hidden_in(rows) for name, rows in unread.items()}, notes)


def _readers(facts: Facts, expected: Expected) -> Mapping[str, Sequence[Named]]:
    """What collectors see only where the role may read it: `table`, `sequence` -> those collectors."""
    if facts.holds("superuser") or DATA in facts.listed("rights"):
        return {}
    found: dict[str, list[Named]] = {}
    for named in there(expected, facts.major):
        if DATA in declared(named):
            kind = "sequence" if "pg_sequence" in named.spec.explain(facts.major) else "table"
            found.setdefault(kind, []).append(named)
    return found


def _hidden_in(rows: Rows) -> list[Hidden]:
    return [Hidden(schema or "", kind or "", is_open != "1") for schema, kind, is_open in by_row(rows)]


def _hidden(facts: Facts, readers: Mapping[str, Sequence[Named]], unread: Unread, notes: Notes) -> None:
    """One piece of advice for each kind: reading all rows is much to ask for a metric."""
    role = identifier(facts.text("role"))
    for kind, collectors in readers.items():
        where = {
            name: schemas
            for name, hidden in unread.items()
            if (schemas := [one for one in hidden if one.kind == kind])
        }
        if not where:
            continue
        names = ", ".join(named.name for named in collectors)
        switch = " ".join(f"--no-collector.{named.name.replace('_', '-')}" for named in collectors)
        lines = [f"-- the role can read what is in them then; or switch off: {switch}"]
        for database, schemas in where.items():
            lines.append(f"-- in database {identifier(database)}:")
            for schema in schemas:
                lines += _grants(schema, role)
        if facts.major >= 14:
            lines.append(f"-- or once for all that is there and will be: GRANT {DATA} TO {role};")
        notes.advice(f"{names}: {kind}s that the role may not read are left out{LOST[kind]}", *lines)


def _grants(hidden: Hidden, role: str) -> Iterator[str]:
    schema = identifier(hidden.schema)
    if hidden.kind == "table" and hidden.closed:  # for plans: statistics are shown without
        yield f"GRANT USAGE ON SCHEMA {schema} TO {role};"
    yield f"GRANT SELECT ON ALL {hidden.kind.upper()}S IN SCHEMA {schema} TO {role};"
