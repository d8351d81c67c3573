"""How often callers may ask: by subject, and by address while nobody knows who calls."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

MOST_CALLERS = 4096
"""Callers that are counted one by one at a time; more share one count, so that memory is bounded."""
OTHERS = "others"
UNVERIFIED_FACTOR = 10
"""How many times a subject's limit one address may ask before its token is looked at: many people can be
behind one proxy."""
IPV6_PREFIX = 64
"""Who has an IPv6 address as a rule has this much of a network."""


class Rates:
    """Counts requests in windows of a minute, in memory.

    Args:
        per_minute: requests that one caller may make in a minute.

    Attributes:
        per_minute: as given.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._storage = MemoryStorage()
        self._limiter = FixedWindowRateLimiter(self._storage)
        self._limit = RateLimitItemPerMinute(per_minute)
        self._unverified = RateLimitItemPerMinute(UNVERIFIED_FACTOR * per_minute)

    async def before(self, address: str) -> int | None:
        """Counts a request of an address before anything is known of it.

        Returns:
            None if it may go on, else the seconds to wait.
        """
        return await self._hit(self._unverified, "address", address)

    async def unknown(self, address: str) -> int | None:
        """Counts a request that nobody has signed."""
        return await self._hit(self._limit, "unknown", address)

    async def of(self, subject: str) -> int | None:
        """Counts a request of somebody."""
        return await self._hit(self._limit, "subject", subject)

    async def _hit(self, limit: RateLimitItemPerMinute, kind: str, name: str) -> int | None:
        if len(self._storage.expirations) >= MOST_CALLERS:
            known = limit.key_for(kind, name) in self._storage.expirations
            name = name if known else OTHERS
        if await self._limiter.hit(limit, kind, name):
            return None
        reset = (await self._limiter.get_window_stats(limit, kind, name)).reset_time
        return max(1, ceil(reset - time()))


def place_of(address: str) -> str:
    """What is counted as one caller: an IPv4 address, or a network of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return OTHERS  # a proxy's header may say anything
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((int(parsed), IPV6_PREFIX), strict=False))
    return str(parsed)
