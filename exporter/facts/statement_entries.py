"""Entries of pg_stat_statements with their counters, and what the extension says of itself. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from exporter.facts.pg_stat_statements import (
    KEYS,
    LONGEST,
    NAME,
    SHORTEST,
    UNKNOWN,
    column,
    squares,
)
from exporter.facts.statement import Counters
from exporter.sources.postgres.rows import Rows

COUNTED: Sequence[Sequence[str]] = (
    ("calls",),
    ("total_exec_time", "total_time"),
    (),
    ("total_plan_time",),
    ("rows",),
    ("shared_blks_hit",),
    ("shared_blks_read",),
    ("temp_blks_written",),
    ("wal_bytes",),
)
"""The names of each of `Counters` in the extension; without a name what `squares` gives."""


class About(NamedTuple):
    """What the extension says of itself.

    Attributes:
        since: Unix time since when all is counted: the last reset of everything; None before version 1.9.
        dealloc: times that it evicted entries to make room; None before version 1.9.
        most: entries that it can hold; None if that is not shown.
        track_planning: whether the time of planning is counted.
        track: `top`, `all` or `none`: whether what functions run is counted; empty if that is not shown.
        io_timing: whether the server measures the time of reads and writes.
    """

    since: float | None
    dealloc: int | None
    most: int | None
    track_planning: bool
    track: str
    io_timing: bool


class Entry(NamedTuple):
    """One entry with its counters.

    Attributes:
        toplevel: False for what functions and triggers ran.
        since: Unix time since when it counts; None before version 1.11.
        own: whether it is of our own role.
    """

    queryid: str
    userid: str
    dbid: str
    datname: str
    user: str
    own: bool
    toplevel: bool
    since: float | None
    min_ms: float
    max_ms: float
    counters: Counters


def about_query(schema: str, columns: Collection[str]) -> str:
    """What is asked about the extension itself."""
    info = f"{schema}.pg_stat_statements_info" if "toplevel" in columns else "(SELECT NULL, NULL)"
    settings = ("max", "track_planning", "track")
    shown = ", ".join(f"current_setting('{NAME}.{name}', true)" for name in settings)
    return f"""SELECT date_part('epoch', i.stats_reset::timestamptz), i.dealloc, {shown},
       current_setting('track_io_timing')
FROM {info} AS i(dealloc, stats_reset)"""  # noqa: S608  # a quoted schema


def about_of(rows: Rows) -> About:
    """What the extension says of itself."""
    since, dealloc, most, planning, track, timing = (values[0] for values in rows.columns)
    return About(
        float(since) if since else None,
        int(dealloc) if dealloc else None,
        int(most) if most else None,
        planning == "on",
        track or "",
        timing == "on",
    )


def entries_query(schema: str, columns: Collection[str]) -> str:
    """What asks for all entries."""
    toplevel, since = (f"s.{name}" if name in columns else "NULL" for name in KEYS[3:])
    counters = ", ".join(column(names, columns) if names else squares(columns) for names in COUNTED)
    return f"""SELECT s.queryid, s.userid, s.dbid, d.datname, r.rolname, r.rolname = current_user, {toplevel},
       date_part('epoch', {since}::timestamptz), {column(SHORTEST, columns)}, {column(LONGEST, columns)},
       {counters}
FROM {schema}.pg_stat_statements(false) AS s
LEFT JOIN pg_database AS d ON d.oid = s.dbid
LEFT JOIN pg_roles AS r ON r.oid = s.userid"""  # noqa: S608  # names of columns, and a quoted schema


def entries_of(rows: Rows) -> list[Entry]:
    """The entries that the role may see."""
    return [_entry(row) for row in zip(*rows.columns, strict=True) if row[0] is not None]


def _entry(row: Sequence[str | None]) -> Entry:
    queryid, userid, dbid, datname, user, own, toplevel, since, least, most, *counted = row
    return Entry(
        queryid or "",
        userid or "",
        dbid or "",
        datname or UNKNOWN,
        user or UNKNOWN,
        own == "t",
        toplevel != "f",
        float(since) if since else None,
        float(least or 0),
        float(most or 0),
        Counters(*(float(value or 0) for value in counted)),
    )
