"""The places for open connections: who comes always gets one, at the cost of who has most of them.

Where all are taken, the address with the most connections gives one up: the one that has been idle longest.
So nobody who opens thousands and says nothing keeps others out; he only loses his own. Idle ones count more
than those with a request under way: with one connection from each of hundreds of addresses nobody ends the
scrape of another.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

MOST_FILES = 16_384
"""To what the bound of open files is raised, where the system allows it."""

IDLE_WEIGHT = 8
"""As many connections with a request under way weigh as much as an idle one."""


class Place:
    """One connection's.

    Args:
        address: who has it.
        hang_up: closes the connection at once.
    """

    __slots__ = ("address", "busy", "hang_up")

    def __init__(self, address: str, hang_up: Callable[[], None]) -> None:
        self.address = address
        self.hang_up = hang_up
        self.busy = False


class Places:
    """All of them.

    Args:
        most: how many there are.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        # Of each address: those without a request under way, and those with one, the longest first.
        self._of: dict[str, tuple[dict[Place, None], dict[Place, None]]] = {}

    def take(self, address: str, hang_up: Callable[[], None]) -> Place | None:
        """A place, if there is one or somebody has to give one up; None if all have a request under way."""
        if self.taken >= self.most and not self.free_one(address):
            return None
        place = Place(address, hang_up)
        self._of.setdefault(address, ({}, {}))[False][place] = None
        self.taken += 1
        return place

    def free_one(self, address: str = "") -> bool:
        """Hangs up on an idle connection of who has most; says whether there was one.

        Who has most and none idle loses the oldest, but for one of his own.
        """
        heaviest = max(self._of, key=self._weight, default=None)
        if heaviest is None:
            return False
        idle, busy = self._of[heaviest]
        if not idle and heaviest == address:
            return False
        place = next(iter(idle or busy))
        self.leave(place)
        place.hang_up()
        return True

    def _weight(self, address: str) -> int:
        idle, busy = self._of[address]
        return IDLE_WEIGHT * len(idle) + len(busy)

    def mark(self, place: Place, *, busy: bool) -> None:
        """A request of it begins, or has been answered."""
        of = self._of.get(place.address)
        if of is not None and place in of[place.busy]:
            del of[place.busy][place]
            of[busy][place] = None
            place.busy = busy

    def leave(self, place: Place) -> None:
        """Gives it back; the second time changes nothing."""
        of = self._of.get(place.address)
        if of is None or place not in of[place.busy]:
            return
        del of[place.busy][place]
        self.taken -= 1
        if not of[False] and not of[True]:
            del self._of[place.address]


def address_of(client: tuple[str, int] | None) -> str:
    """Who a client is, where connections and passwords are counted: his address, of IPv6 its network."""
    host = client[0] if client else ""
    if ":" not in host:
        return host
    with suppress(ValueError):
        address = ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return str(mapped) if mapped else address.exploded[:19]
    return host


def bounded(wanted: int) -> int:
    """How many connections may be open: what is wanted, or half of the open files that the system allows.

    The bound of open files is raised first, as far as that is of use.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    aim = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < aim:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (aim, hard))
            soft = aim
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, soft // 2)
