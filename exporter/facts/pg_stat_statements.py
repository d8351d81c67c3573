"""The extension pg_stat_statements: which columns it has, what is asked of it, and why it says nothing.

Source: https://www.postgresql.org/docs/current/pgstatstatements.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.postgres.rows import Extension, Rows

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

NAME = "pg_stat_statements"
UNKNOWN = "unknown"
"""The name of a database or a role that is gone, as postgres_exporter has it."""

KEYS = ("queryid", "userid", "dbid", "toplevel", "stats_since")
COUNTERS: Sequence[Sequence[str]] = (
    ("calls",),
    ("total_exec_time", "total_time"),
    ("total_plan_time",),
    ("rows",),
    ("shared_blks_hit",),
    ("shared_blks_read",),
    ("shared_blks_dirtied",),
    ("shared_blks_written",),
    ("temp_blks_read",),
    ("temp_blks_written",),
    ("wal_records",),
    ("wal_bytes",),
    ("shared_blk_read_time", "blk_read_time"),
    ("shared_blk_write_time", "blk_write_time"),
)
"""The counters of an entry, each with the names that the extension's versions have for it; times in ms."""
INDEX = {names[0]: i for i, names in enumerate(COUNTERS)}
MEAN = ("mean_exec_time", "mean_time")
STDDEV = ("stddev_exec_time", "stddev_time")
LONGEST = ("max_exec_time", "max_time")
SHORTEST = ("min_exec_time", "min_time")

LONGEST_TEXT = 10_000
"""Characters of a text that are looked at."""


class StatementText(NamedTuple):
    """A text of the extension, as it is: it may hold a password.

    Attributes:
        queryid, userid, dbid: of its entry, as the server writes them.
        text: its first characters.
    """

    queryid: str
    userid: str
    dbid: str
    text: str


def chosen(names: Sequence[str], columns: Collection[str]) -> str | None:
    """The one of a column's names that this version of the extension has; None if it is too old."""
    return next((name for name in names if name in columns), None)


def column(names: Sequence[str], columns: Collection[str]) -> str:
    """That column of `s` in SQL; 0 if the extension is too old for it."""
    name = chosen(names, columns)
    return f"s.{name}" if name else "0"


def squares(columns: Collection[str]) -> str:
    """SQL for the sum of the squares of each call's milliseconds.

    It can be added up and subtracted, unlike the standard deviation that the extension has.
    """
    stddev, mean = column(STDDEV, columns), column(MEAN, columns)
    return f"s.calls * ({stddev} * {stddev} + {mean} * {mean})"


def usual_columns(major: int | None) -> Collection[str]:
    """The columns of the extension as a server of this major version, from 13 on, brings it."""
    newer = {"toplevel": 14, "stats_since": 17, "shared_blk_read_time": 17, "shared_blk_write_time": 17}
    names = {name for one in (*COUNTERS, KEYS, MEAN, STDDEV, LONGEST, SHORTEST) for name in one}
    return {name for name in names if newer.get(name, 13) <= (major or 18)}


async def installed(server: PostgresServer, deadline: Deadline) -> Extension:
    """The extension in the main database.

    Raises:
        Skip: it is not there.
        SourceError: the server did not answer.
    """
    extension = (await server.extensions(deadline, aside=True)).get(NAME)
    if extension is None:
        raise Skip(Reason.UNSUPPORTED, f"no extension {NAME} in the main database: CREATE EXTENSION")
    return extension


async def columns_of(server: PostgresServer, extension: Extension, deadline: Deadline) -> Collection[str]:
    """What the function returns: it can be older than the server, and managed services add to it.

    Raises:
        Skip: it is not loaded.
        SourceError: the server did not answer, or not with rows.
    """
    sql = f"SELECT * FROM {extension.schema}.pg_stat_statements(false) LIMIT 0"  # noqa: S608  # quoted
    return frozenset((await asked(server, sql, deadline)).names)


async def asked(server: PostgresServer, sql: str, deadline: Deadline) -> Rows:
    """What the extension answers, on a session for background work.

    Raises:
        Skip: it is not loaded.
        SourceError: the server did not answer, or not with rows.
    """
    try:
        return await server.fetch(sql, deadline, aside=True)
    except Refused as error:
        if "shared_preload_libraries" in str(error):
            raise Skip(Reason.UNSUPPORTED, f"{error}, then restart the server") from None
        raise


def check_visible(*, visible: int, hidden: int) -> None:
    """Whether the role sees anything at all.

    Raises:
        Skip: all entries are of others, and hidden from it.
    """
    if hidden and not visible:
        raise Skip(Reason.PERMISSION, f"{NAME} shows the role nothing: GRANT pg_read_all_stats to it")


def texts_query(schema: str, queryids: Iterable[str], characters: int) -> str:
    """What asks for texts: `queryid, userid, dbid, text, bytes`; those with most calls go first.

    The server reads the file with all texts, whatever is asked for: 26 MB cost it 90 ms and as much in a
    temporary file. So one query asks for many.

    Args:
        schema: of the extension, quoted.
        queryids: numbers, whose texts are wanted. They stand in one literal, so that this query is always
            one entry of the extension.
        characters: of all texts together; those beyond are left out.
    """
    # OFFSET keeps the planner from carrying whole texts through the sort, to cut them afterwards.
    return f"""SELECT t.queryid, t.userid, t.dbid, t.text, t.bytes
FROM (SELECT c.queryid, c.userid, c.dbid, c.text, sum(c.bytes) OVER () AS bytes,
             sum(length(c.text)) OVER (ORDER BY c.calls DESC, c.queryid ROWS UNBOUNDED PRECEDING) AS upto
      FROM (SELECT s.queryid, s.userid, s.dbid, s.calls, octet_length(s.query) AS bytes,
                   CASE WHEN s.queryid IN (SELECT unnest('{{{",".join(queryids)}}}'::bigint[]))
                        THEN left(s.query, {LONGEST_TEXT}) END AS text
            FROM {schema}.pg_stat_statements(true) AS s OFFSET 0) AS c) AS t
WHERE t.text IS NOT NULL AND t.upto <= {characters}"""  # noqa: S608  # a quoted schema, and numbers


def texts_of(rows: Rows) -> tuple[list[StatementText], int | None]:
    """The texts that `texts_query` gave, and the bytes of all that there are; None where it gave none."""
    queryids, userids, dbids, texts, sizes = rows.columns
    pairs = zip(queryids, userids, dbids, texts, strict=True)
    found = [StatementText(q or "", u or "", d or "", text) for q, u, d, text in pairs if text is not None]
    return found, int(sizes[0] or 0) if sizes else None
