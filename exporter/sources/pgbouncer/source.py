"""What the collectors need of PgBouncer's console. Light: nothing here imports the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from exporter.model.deadline import Deadline

Row = Mapping[str, str | None]
"""One row of a SHOW command: column name -> text. Which columns there are depends on the version."""


class PgBouncerSource(Protocol):
    """What collectors need: the server, or the fake."""

    async def show(self, what: str, deadline: Deadline) -> Sequence[Row]:
        """The rows of `SHOW <what>`."""
