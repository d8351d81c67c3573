"""What PgBouncer has answered and what it does not know, for as long as that can be relied on.

Collectors of one scrape want the same rows, some rows change with the configuration only, and a command
that a version does not know is not learned by asking again; each refusal is a line in PgBouncer's log.
"""

from __future__ import annotations

from time import monotonic

from exporter.model.errors import Reason, Refused
from exporter.sources.postgres.rows import Rows


class Answers:
    """The newest answer to each command of one PgBouncer.

    An old answer is only given while PgBouncer has proven since the beginning of a scrape that it is
    alive: a page must not show the settings of one that is gone.
    """

    def __init__(self) -> None:
        self._version = 0
        self._rows: dict[str, tuple[float, Rows]] = {}
        self._unknown: dict[str, Refused] = {}
        self._began = self._heard = monotonic()

    def begin(self) -> None:
        """A scrape begins: nothing is proven."""
        self._began = monotonic()

    def connected(self, version: int) -> None:
        """There is a new connection, to a PgBouncer of this version."""
        if version != self._version:
            self._version = version
            self._rows.clear()
            self._unknown.clear()

    def known(self, what: str, came: float, max_age: float) -> Rows | None:
        """The answer to a command, if one may be given without asking.

        Args:
            what: the command without SHOW.
            came: when the caller came; what was asked later is as good as an answer of its own.
            max_age: seconds that an answer may be older.

        Raises:
            Refused: this version does not know the command.
        """
        if (refusal := self._unknown.get(what)) is not None:
            raise refusal.with_traceback(None)
        asked_at, rows = self._rows.get(what, (float("-inf"), None))
        alive = asked_at >= came or self._heard >= self._began
        return rows if alive and asked_at >= came - max_age else None

    def keep(self, what: str, asked_at: float, rows: Rows) -> None:
        """PgBouncer has answered."""
        self._heard = monotonic()
        self._rows[what] = (asked_at, rows)

    def refused(self, what: str, error: Refused) -> None:
        """PgBouncer has answered no."""
        self._heard = monotonic()
        if error.reason is Reason.UNSUPPORTED:
            self._unknown[what] = error

    def forget(self) -> None:
        """PgBouncer does not answer: whatever comes back may be set up in another way."""
        self._rows.clear()
