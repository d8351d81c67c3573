"""A PgBouncer that answers from rows, for tests and for the catalogue's examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, SourceError
from exporter.sources.pgbouncer.source import Columns, PgBouncerOptions, Row


class FakePgBouncer:
    """Answers each SHOW command with the rows, or the error, that it was given for it.

    Args:
        answers: command -> rows or error; any other command is unknown to it, as to an older version.
        options: what collectors find set.

    Attributes:
        options: as given.
        asked: the commands so far.
    """

    def __init__(
        self, answers: Mapping[str, Sequence[Row] | SourceError], options: PgBouncerOptions | None = None
    ) -> None:
        self._answers = answers
        self.options = options or PgBouncerOptions(dsn="")
        self.asked: list[str] = []

    async def show(self, what: str, deadline: Deadline, max_age: float = 0.0) -> Sequence[Row]:
        """What it was given for `what`."""
        _ = deadline, max_age
        self.asked.append(what)
        answer = self._answers.get(what)
        if answer is None:
            raise Refused(f"invalid command 'SHOW {what}', use SHOW HELP;", Reason.UNSUPPORTED)
        if isinstance(answer, SourceError):
            raise answer
        return answer

    async def columns(self, what: str, deadline: Deadline) -> Columns:
        """The same, with NULL where a row lacks a column."""
        rows = await self.show(what, deadline)
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in names}
