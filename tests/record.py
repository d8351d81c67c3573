"""Captures what PostgreSQL 13 to 18 answer: python -m tests.record [MAJOR ...]

On a real server of each major version, after the workload of `tests/workload.py`, it writes every view,
table and function that the collectors read, all columns of them, to `tests/recorded/postgres/`, and then
the pages that come of them to `tests/golden/postgres/`. Run it after a change of a collector's SQL; the
difference in the golden files is what users will see.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from tests.replay import (
    GOLDEN,
    Function,
    Recording,
    Relation,
    Texts,
    golden,
    page,
    played,
    recorded_collectors,
)
from tests.servers import DEFAULT_MAJOR, MAJORS, Postgres
from tests.workload import DATABASE, SETTINGS, life

FIRST_USER_OID = 16384

# What to leave out: the system's own tables, and settings that are no numbers.
ONLY = {
    "pg_attribute": f"attrelid >= {FIRST_USER_OID}",
    "pg_class": f"oid >= {FIRST_USER_OID}",
    "pg_depend": f"objid >= {FIRST_USER_OID}",
    "pg_index": f"indexrelid >= {FIRST_USER_OID}",
    "pg_settings": "vartype IN ('bool', 'integer', 'real')",
    "pg_stats": "schemaname NOT IN ('pg_catalog', 'information_schema')",
}
# Texts that take space and show nothing, and a path of the machine that records.
WITHOUT = {
    "pg_settings": {"short_desc", "extra_desc", "enumvals", "sourcefile", "sourceline"},
    "pg_stats": {"most_common_vals", "histogram_bounds", "most_common_elems", "range_bounds_histogram"},
}

# Functions that need arguments: their types, and a query for the arguments to record.
RELATIONS = f"SELECT oid FROM pg_class WHERE oid >= {FIRST_USER_OID} UNION SELECT 0"
XIDS = """SELECT DISTINCT xid FROM (
    SELECT datfrozenxid::text AS xid FROM pg_database
    UNION ALL SELECT relfrozenxid::text FROM pg_class
    UNION ALL SELECT backend_xmin::text FROM pg_stat_activity
    UNION ALL SELECT backend_xid::text FROM pg_stat_activity
    UNION ALL SELECT xmin::text FROM pg_replication_slots
    UNION ALL SELECT catalog_xmin::text FROM pg_replication_slots
    UNION ALL SELECT backend_xmin::text FROM pg_stat_replication
    UNION ALL SELECT transaction::text FROM pg_prepared_xacts
) AS x WHERE xid IS NOT NULL"""
MXIDS = """SELECT DISTINCT mxid::text FROM (
    SELECT datminmxid FROM pg_database UNION ALL SELECT relminmxid FROM pg_class
) AS x(mxid)"""
ARGUMENTS: dict[str, tuple[list[str], str]] = {
    "age": (["xid"], XIDS),
    "has_database_privilege": (["oid", "text"], "SELECT oid, 'CONNECT' FROM pg_database"),
    "has_sequence_privilege": (["oid", "text"], "SELECT seqrelid, 'USAGE,SELECT' FROM pg_sequence"),
    "mxid_age": (["xid"], MXIDS),
    "pg_database_size": (["oid"], "SELECT oid FROM pg_database"),
    "pg_has_role": (["name", "text"], "SELECT 'pg_read_all_stats', 'USAGE'"),
    "pg_sequence_last_value": (["oid"], "SELECT seqrelid FROM pg_sequence"),
}
# Not recorded: they answer alike everywhere, or only reckon with what they are given.
# One raises an error on a primary; whoever calls it asks for the role first.
ALIKE = {"current_setting", "date_part", "pg_is_wal_replay_paused", "pg_options_to_table"}


def main(arguments: Sequence[str]) -> int:
    """Records the given majors, or all, and writes the pages of all that are recorded."""
    for major in map(int, arguments or MAJORS):
        with Postgres(major, settings=SETTINGS) as server, life(server):
            record(server).save()
        print(f"recorded PostgreSQL {major}")
    with Postgres(DEFAULT_MAJOR) as server:
        asyncio.run(write_golden(server))
    return 0


async def write_golden(server: Postgres) -> None:
    """The pages of every collector from every recording, played back on one server."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for major in MAJORS:
        with played(server, Recording.load(major)) as player:
            for name, spec in recorded_collectors().items():
                golden(name, major).write_text(await page(player, spec))


def record(server: Postgres) -> Recording:
    """All that the collectors read on this server."""
    queries = " ".join(spec.explain(server.major) for spec in recorded_collectors().values())
    words = set(re.findall(r"\w+", re.sub(r"\bAS \w+", "", queries)))
    called = set(re.findall(r"(\w+)\(", queries)) - ALIKE
    with psycopg.connect(server.dsn(dbname=DATABASE), context=Texts(), autocommit=True) as connection:
        connection.execute("SET TIME ZONE 'UTC'; SET application_name = 'datastack-exporter'")
        relations = {name: _relation(connection, name) for name in _relations(connection, words)}
        functions = {name: _function(connection, name) for name in _functions(connection, called)}
    return Recording(server.major, relations, functions)


def _relations(connection: psycopg.Connection[Any], words: Iterable[str]) -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace"
        " AND relkind IN ('r', 'v') AND relname = ANY(string_to_array(%s, ' ')) ORDER BY 1",
        (" ".join(words),),
    )
    return [name for (name,) in rows]


def _functions(connection: psycopg.Connection[Any], called: Iterable[str]) -> list[str]:
    rows = connection.execute(
        "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace"
        " AND prokind = 'f' AND provolatile <> 'i' AND proname = ANY(string_to_array(%s, ' ')) ORDER BY 1",
        (" ".join(called),),
    )
    return [name for (name,) in rows]


def _relation(connection: psycopg.Connection[Any], name: str) -> Relation:
    columns = {
        column: kind
        for column, kind in connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (name,),
        )
        if column not in WITHOUT.get(name, ())
    }
    wanted = ", ".join(f'"{column}"' for column in columns)
    order = ", ".join(f'"{column}"::text' for column in columns)
    query = f'SELECT {wanted} FROM "{name}" WHERE {ONLY.get(name, "true")} ORDER BY {order}'
    return Relation(columns, [list(row) for row in connection.execute(query.encode())])


def _function(connection: psycopg.Connection[Any], name: str) -> Function:
    kinds, arguments = _arguments(name)
    given = ", ".join(f"a.a{i}::{kind}" for i, kind in enumerate(kinds, 1))
    names = ", ".join(f"a{i}" for i in range(1, len(kinds) + 1))
    source = f"({arguments}) AS a({names})" if kinds else "(SELECT) AS a"
    wanted = f"{given}, f.*" if kinds else "f.*"
    order = given.replace("::xid", "") or "1"  # xid has no order
    query = f"SELECT {wanted} FROM {source}, LATERAL {name}({given}) AS f ORDER BY {order}"
    cursor = connection.execute(query.encode())
    returned = (cursor.description or [])[len(kinds) :]
    returns = {column.name: _type(connection, column.type_code) for column in returned}
    return Function(kinds, returns, [list(row) for row in cursor], many=len(returns) > 1)


def _arguments(name: str) -> tuple[list[str], str]:
    if name.startswith("pg_stat_get_"):
        return ["oid"], RELATIONS
    return ARGUMENTS.get(name, ([], ""))


def _type(connection: psycopg.Connection[Any], oid: int) -> str:
    row = connection.execute("SELECT format_type(%s, NULL)", (str(oid),)).fetchone()
    assert row
    return str(row[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
