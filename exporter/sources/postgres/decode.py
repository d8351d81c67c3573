"""A driver's result as `Rows`: text, whatever bytes the server sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.adapt import Transformer

from exporter.sources.postgres.rows import Rows, Text


def rows_of(result: Any, conn: psycopg.AsyncConnection[Any], major: int) -> Rows:
    """The rows of one result of a connection that was made with `TextContext`."""
    columns: Sequence[Sequence[Text]]
    try:
        if conn.info.encoding == "ascii":  # psycopg leaves SQL_ASCII text as bytes
            columns = _decoded(result)
        else:
            transformer = Transformer.from_context(conn)
            transformer.set_pgresult(result)
            columns = list(zip(*transformer.load_rows(0, result.ntuples, tuple), strict=True))
    except UnicodeDecodeError:
        columns = _decoded(result)
    # cursor.description would look up every column's type.
    names = [result.fname(i).decode("utf-8", "backslashreplace") for i in range(result.nfields)]
    types = [result.ftype(i) for i in range(result.nfields)]
    return Rows(columns or [()] * result.nfields, names, result.ntuples, major, types)


def _decoded(result: Any) -> list[list[Text]]:
    r"""The columns of a result with bytes that are not valid UTF-8, those written as `\xff`.

    An SQL_ASCII database stores whatever it was given, and its names show up in the shared catalogs
    of every other database. Written out, such names stay readable and different from each other.
    """
    columns = []
    for field in range(result.nfields):
        raw = (result.get_value(row, field) for row in range(result.ntuples))
        columns.append([None if v is None else bytes(v).decode("utf-8", "backslashreplace") for v in raw])
    return columns
