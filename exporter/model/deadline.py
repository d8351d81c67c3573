"""The point in time at which an answer must be there, handed down with every call."""

from __future__ import annotations

from time import monotonic


class Deadline:
    """A fixed point on the monotonic clock (the one that asyncio's loops use).

    `at` is in seconds on that clock. A deadline is passed on, never made deep inside:
    whoever waits for something outside the process waits `left()` seconds at most.
    """

    __slots__ = ("at",)

    def __init__(self, at: float) -> None:
        self.at = at

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """A deadline `seconds` from now."""
        return cls(monotonic() + seconds)

    def left(self) -> float:
        """Seconds until it passes, 0 once it has."""
        return max(0.0, self.at - monotonic())

    def earlier_by(self, seconds: float) -> Deadline:
        """The same point, moved forward: for work whose result still has to be handed over."""
        return Deadline(self.at - seconds)

    def at_most(self, seconds: float) -> Deadline:
        """This deadline, or one `seconds` from now if that comes first."""
        return Deadline(min(self.at, monotonic() + seconds))

    def __repr__(self) -> str:
        return f"Deadline({self.left():.3f} s left)"
