"""Says once that a target went down and once that it is back, however often it is asked in between."""

from __future__ import annotations

from typing import Any

from exporter.log import get_logger


class UpDown:
    """Whether a target is up, as far as the last answer showed; unknown before the first one.

    Args:
        target: its name for people: "postgres at localhost:5432".
        log: gets one line for each change.
    """

    def __init__(self, target: str, log: Any = None) -> None:
        self._target = target
        self._log = log or get_logger("exporter.sources")
        self._up: bool | None = None

    def up(self) -> None:
        """It has answered."""
        if self._up is not True:
            self._up = True
            self._log.info("target is up", target=self._target)

    def down(self, error: BaseException) -> None:
        """It has not, for this reason; only the first reason is logged."""
        if self._up is not False:
            self._up = False
            self._log.warning("target is down", target=self._target, reason=str(error))
