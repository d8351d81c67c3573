"""An application that can be broken, as a child process: all its metrics, and no users."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Self

from tests.servers import page
from tests.servers.controlled import Controlled
from tests.servers.program import Program

PROCESS = Path(__file__).with_name("application_process.py")


class Application(page.Page, Controlled[Program]):
    """A shop with a steady load of 42 requests, 70 database operations and one order a second.

    What can be turned, and what each does, is in `application_process.Knobs`:
    `Application(errors=0.2)` is broken from the start, `shop.turn(database_fails=1)` from then on.
    """

    def __init__(self, **knobs: float) -> None:
        super().__init__(Program("application", self._line))
        self.knobs = knobs

    def start(self) -> Self:
        """Starts it with the knobs that it was made with, or that were turned since."""
        super().start()
        self.turn(**self.knobs)
        return self

    def turn(self, **knobs: float) -> None:
        """Turns knobs; what happened until now stays as it was."""
        self.knobs |= knobs
        answer = page.request(
            self.port, "/knobs", method="POST", params={k: str(v) for k, v in knobs.items()}
        )
        assert answer.status == 200, answer.text

    @staticmethod
    def _line(port: int) -> list[str | Path]:
        # Isolated: its folder has modules with the names of packages.
        return [sys.executable, "-I", PROCESS, str(port)]
