"""What a query gave. Light: nothing here imports the driver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """

    columns: Sequence[Sequence[Text]]
    names: Sequence[str]
    count: int
    major: int
