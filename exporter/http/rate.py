"""The rate limit of the web file: a token bucket for all requests together."""

from __future__ import annotations

from time import monotonic


class Bucket:
    """Lets `burst` requests through at once, then one each `interval` seconds."""

    def __init__(self, interval: float, burst: int) -> None:
        self._interval = interval
        self._burst = burst
        self._tokens = float(burst)
        self._at = monotonic()

    @classmethod
    def of(cls, interval: float, burst: int) -> Bucket | None:
        """The bucket; None for an interval of 0, which means no limit."""
        return cls(interval, burst) if interval > 0 else None

    def take(self) -> bool:
        """Whether one more request may go through; it is counted then."""
        now = monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) / self._interval)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
