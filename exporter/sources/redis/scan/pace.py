"""How fast the keys are walked: so many commands a second, and a share of the server's time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

CALL_SECONDS = 0.001
"""How long one SCAN is to keep the server: whoever asks meanwhile waits that much longer."""
LONGEST_SECONDS = 0.1
"""The most that one call counts: a server that was stuck for other reasons must not stop us for minutes."""
LEAST_SECONDS = 2e-6
"""The least that a command counts."""
ROUND_TRIP_SECONDS, COMMAND_SECONDS = 30e-6, 1e-6
"""What a round trip, and a command in it, cost a server beside the time that it counts for the command."""
LEAST_RATIO = 0.02
FEWEST, MOST = 10, 2000
"""Bounds of COUNT; the upper one is for our own process, which answers scrapes between two pages."""


class Pace:
    """Says when the next commands may go out, and how many keys the next SCAN asks for.

    The server's time is the time of a round trip less that of an empty one. Where the server says how long
    its commands have taken, that counts: a round trip is long on a busy machine or network, too.

    Args:
        commands_per_second: the most that goes out on average.
        share: of each second that the server may be kept.
        clock: seconds, monotonic; here for the tests.

    Attributes:
        count: the keys to ask for with the next SCAN.
        seconds: how long the server was kept so far.
    """

    def __init__(
        self, commands_per_second: float, share: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._per_second = commands_per_second
        self._share = share
        self._clock = clock
        self._commands_until = self._time_until = 0.0
        self._empty: deque[float] = deque(maxlen=20)
        self._ratio = 1.0
        self._measured = self._beside = 0.0
        self.count = 100
        self.seconds = 0.0

    def empty_round_trip(self, seconds: float) -> None:
        """What a round trip took that asked for next to nothing."""
        self._empty.append(seconds)

    def spent(self, commands: int, seconds: float) -> float:
        """Accounts for a round trip, of so many commands.

        Returns:
            The seconds of the server in it.
        """
        measured = min(max(0.0, seconds - min(self._empty, default=0.0)), LONGEST_SECONDS)
        self._measured += measured
        self._beside += ROUND_TRIP_SECONDS + commands * COMMAND_SECONDS
        kept = max(measured * self._ratio, commands * LEAST_SECONDS)
        now = self._clock()
        self._commands_until = max(self._commands_until, now) + commands / self._per_second
        self._time_until = max(self._time_until, now) + kept / self._share
        self.seconds += kept
        return kept

    def told(self, seconds: float) -> None:
        """What commands like ours have taken since the last call of this, as the server says."""
        if self._measured > 0:
            self._ratio = min(1.0, max(LEAST_RATIO, (seconds + self._beside) / self._measured))
        self._measured = self._beside = 0.0

    def learn(self, kept: float) -> None:
        """Adapts `count` to what the last SCAN has taken."""
        factor = min(2.0, max(0.5, CALL_SECONDS / kept))
        self.count = min(MOST, max(FEWEST, round(self.count * factor)))

    def pause(self) -> float:
        """Seconds until the next commands may go out."""
        return max(0.0, self._commands_until - self._clock(), self._time_until - self._clock())

    def spare(self) -> int:
        """Commands that may go out beside those that were, without a longer pause for their number."""
        begin = max(self._commands_until, self._clock())
        return max(0, int((self._time_until - begin) * self._per_second))
