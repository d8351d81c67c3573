"""What a query gave. Light: nothing here imports the driver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

Text = str | None
"""A value as the server wrote it; None is NULL."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The result of a query.

    Attributes:
        columns: one sequence of values for each column of the SELECT list, in the server's text.
        names: the column names.
        count: number of rows.
        major: the server's major version.
        types: the OID of each column's type.
    """

    columns: Sequence[Sequence[Text]]
    names: Sequence[str]
    count: int
    major: int
    types: Sequence[int] = ()


class Extension(NamedTuple):
    """An extension that is installed in a database.

    Attributes:
        schema: where its objects are, as an SQL identifier: quoted where that is needed.
        version: as in pg_extension: `1.10`.
    """

    schema: str
    version: str
