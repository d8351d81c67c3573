"""A PgBouncer that answers from rows, for tests and for the catalogue's examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, SourceError
from exporter.sources.pgbouncer.source import Row


class FakePgBouncer:
    """Answers each SHOW command with the rows, or the error, that it was given for it.

    Args:
        answers: command -> rows or error; any other command is unknown to it, as to an older version.

    Attributes:
        asked: the commands so far.
    """

    def __init__(self, answers: Mapping[str, Sequence[Row] | SourceError]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def show(self, what: str, deadline: Deadline) -> Sequence[Row]:
        """What it was given for `what`."""
        _ = deadline
        self.asked.append(what)
        answer = self._answers.get(what)
        if answer is None:
            raise Refused(f"invalid command 'SHOW {what}', use SHOW HELP;", Reason.UNSUPPORTED)
        if isinstance(answer, SourceError):
            raise answer
        return answer
