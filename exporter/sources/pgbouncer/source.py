"""What the collectors need of PgBouncer's console. Light: nothing here imports the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from exporter.model.deadline import Deadline

Row = Mapping[str, str | None]
"""One row of a SHOW command: column name -> text. Which columns there are depends on the version."""

Columns = Mapping[str, Sequence[str | None]]
"""The rows of a SHOW command turned round: column name -> the text of each row."""

HARDLY_CHANGES = 60.0
"""Seconds for which an answer holds that changes with the configuration only."""


@dataclass(frozen=True, slots=True)
class PgBouncerOptions:
    """How to reach the admin console, and what to make of it.

    Attributes:
        dsn: libpq connection string whose user is one of `stats_users` or `admin_users`.
        password: takes the place of the one in the DSN.
        connect_timeout_seconds: for one attempt; libpq's least is 2.
        application_names: clients and servers are counted by this many of the names that clients give
            themselves; 0 for none.
        pid_file: the file in which PgBouncer writes its process id; None if its process is not watched.
    """

    dsn: str
    password: str | None = None
    connect_timeout_seconds: float = 5.0
    application_names: int = 50
    pid_file: Path | None = None


class PgBouncerSource(Protocol):
    """What collectors need: the server, or the fake."""

    @property
    def options(self) -> PgBouncerOptions:
        """As it was given them."""

    async def show(self, what: str, deadline: Deadline, max_age: float = 0.0) -> Sequence[Row]:
        """The rows of `SHOW <what>`.

        Args:
            what: the command without SHOW.
            deadline: when the rows must be there.
            max_age: seconds that the answer may be old, while PgBouncer answers other commands.
        """

    async def columns(self, what: str, deadline: Deadline) -> Columns:
        """The same by column, which is cheaper where there are many rows."""
