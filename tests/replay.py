"""Plays back what a PostgreSQL server of one major version answered, on a server of another.

A schema in front of pg_catalog holds a table for each recorded view or table, and a function for each
recorded function. So one server runs the SQL of every major on real rows of that major.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.none import NoneDumper
from psycopg.types.string import StrDumperUnknown

from exporter.collectors import discover
from exporter.expose.text import TextEncoder
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.sources.postgres.rows import Rows
from exporter.sources.postgres.session import TextContext, explain
from tests.servers import Postgres
from tests.workload import DATABASE

RECORDED = Path(__file__).parent / "recorded" / "postgres"
GOLDEN = Path(__file__).parent / "golden" / "postgres"

Row = list[str | None]

# Their input functions need objects of the recorded server, or there is none.
AS_TEXT = frozenset({"aclitem[]", "pg_node_tree", "anyarray"})


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows of a view or a table: column name -> type, then the values as the server wrote them."""

    columns: dict[str, str]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Function:
    """Answers of a function: each row holds the arguments, then what it returned."""

    arguments: list[str]
    returns: dict[str, str]
    rows: list[Row]
    many: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """All that was recorded from one server."""

    major: int
    relations: dict[str, Relation] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)

    def save(self) -> None:
        """Writes it, one row a line."""
        RECORDED.mkdir(parents=True, exist_ok=True)
        _path(self.major).write_text(_json(asdict(self)) + "\n")

    @classmethod
    def load(cls, major: int) -> Recording:
        """Reads it back."""
        raw = json.loads(_path(major).read_text())
        return cls(
            raw["major"],
            {name: Relation(**relation) for name, relation in raw["relations"].items()},
            {name: Function(**function) for name, function in raw["functions"].items()},
        )


class Texts(TextContext):
    """A psycopg context in which every value is text, both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.adapters.register_dumper(str, StrDumperUnknown)
        self.adapters.register_dumper(type(None), NoneDumper)


class Player:
    """Stands in for the PostgreSQL source: one connection, one database, any major version."""

    connections = 1

    def __init__(self, connection: psycopg.Connection[Any], major: int) -> None:
        self._connection = connection
        self.major = major

    async def fetch(
        self,
        query: str | Callable[[int], str],
        _deadline: Deadline,
        *,
        database: str | None = None,
        aside: bool = False,  # noqa: ARG002  # there is one session
        together: bool = False,  # noqa: ARG002
    ) -> Rows:
        """The rows of one query, whatever the database."""
        assert database in (None, DATABASE)
        text = query if isinstance(query, str) else query(self.major)
        try:
            with self._connection.transaction():
                cursor = self._connection.execute(text.encode())
                rows = cursor.fetchall()
        except psycopg.Error as error:
            raise explain(error, lost=False) from None
        names = [column.name for column in cursor.description or ()]
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        return Rows(columns=columns, names=names, count=len(rows), major=self.major)

    async def databases(self, _deadline: Deadline) -> list[str]:
        """The one database."""
        return [DATABASE]

    def shows(self, _database: str | None) -> bool:
        """Every database."""
        return True

    def turn(self, names: Sequence[str]) -> Sequence[str]:
        """The one database, each time."""
        return names


@contextmanager
def played(server: Postgres, recording: Recording) -> Iterator[Player]:
    """A player in whose session the recording hides pg_catalog. Leaves nothing behind."""
    with psycopg.connect(server.dsn(), context=Texts()) as connection:
        connection.execute("SET TIME ZONE 'UTC'; CREATE SCHEMA replay")
        for name, relation in recording.relations.items():
            _table(connection, name, relation.columns, relation.rows)
        for name, function in recording.functions.items():
            _function(connection, name, function)
        connection.execute("SET LOCAL search_path = replay, pg_catalog")
        yield Player(connection, recording.major)
        connection.rollback()


def recorded_collectors() -> dict[str, CollectorSpec]:
    """The collectors whose answers are recorded: the views, and what else only runs one query."""
    found = {name: named.spec for name, named in discover().items() if named.family == "postgres"}
    # What an extension has is not in pg_catalog, and is not recorded.
    return {
        name: spec
        for name, spec in found.items()
        if (spec.view is not None and not spec.view.extension) or name == "settings"
    }


async def page(player: Player, spec: CollectorSpec) -> str:
    """What the collector puts on the page, samples in order; empty where it skips."""
    try:
        tables = await spec.build(player)(Deadline.after(30))
    except Skip:
        return ""
    return "".join(_sorted(part.decode()) for part in TextEncoder().encode(tables))


def golden(name: str, major: int) -> Path:
    """The file with the page that is expected."""
    return GOLDEN / f"{name}.{major}.txt"


def _sorted(part: str) -> str:
    head, kind, *samples = part.splitlines(keepends=True)
    return "".join([head, kind, *sorted(samples)])


def _table(
    connection: psycopg.Connection[Any], name: str, columns: dict[str, str], rows: Sequence[Row]
) -> None:
    # The rows lie below a view: only a view may have a column of the name xmin, as pg_replication_slots.
    kinds = ["text" if kind in AS_TEXT else kind for kind in columns.values()]
    below, view = sql.Identifier("replay", f"{name} rows"), sql.Identifier("replay", name)
    definition = ", ".join(f"c{i} {kind}" for i, kind in enumerate(kinds))
    connection.execute(sql.SQL("CREATE TABLE {} (" + definition + ")").format(below))
    values = sql.SQL(", ").join([sql.Placeholder()] * len(kinds))
    with connection.cursor() as cursor:
        cursor.executemany(sql.SQL("INSERT INTO {} VALUES ({})").format(below, values), rows)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    connection.execute(sql.SQL("CREATE VIEW {} ({}) AS SELECT * FROM {}").format(view, names, below))


def _function(connection: psycopg.Connection[Any], name: str, function: Function) -> None:
    arguments = {f"argument{i}": kind for i, kind in enumerate(function.arguments, 1)}
    _table(connection, f"{name}()", arguments | function.returns, function.rows)
    columns = ", ".join(f'"{column}" {kind}' for column, kind in function.returns.items())
    returns = f"TABLE ({columns})" if function.many else next(iter(function.returns.values()))
    matching = " AND ".join(f"f.argument{i} = ${i}" for i in range(1, len(arguments) + 1)) or "true"
    wanted = ", ".join(f'f."{column}"' for column in function.returns)
    connection.execute(
        f'CREATE FUNCTION replay."{name}"({", ".join(function.arguments)}) RETURNS {returns}'
        f""" STABLE LANGUAGE sql AS 'SELECT {wanted} FROM replay."{name}()" AS f WHERE {matching}'""".encode()
    )


def _json(value: Any, depth: int = 0) -> str:
    """JSON with one row, and one column of a relation, on a line."""
    inner = "\n" + " " * (depth + 1)
    if isinstance(value, dict) and value:
        items = (f"{json.dumps(key)}: {_json(item, depth + 1)}" for key, item in value.items())
        return "{" + inner + f",{inner}".join(items) + inner[:-1] + "}"
    if isinstance(value, list) and value and isinstance(value[0], list):
        return "[" + inner + f",{inner}".join(_json(row) for row in value) + inner[:-1] + "]"
    return json.dumps(value, ensure_ascii=False)


def _path(major: int) -> Path:
    return RECORDED / f"pg{major}.json"
