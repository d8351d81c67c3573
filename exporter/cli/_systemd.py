"""What systemd is told of the daemon, where a unit of `Type=notify` started it: sd_notify(3).

That it serves, that it ends, and with `WatchdogSec=` that its event loop still turns. No message depends on a
database: a server that hangs must not get its monitor restarted.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Whom to tell.

    Attributes:
        address: of a datagram socket of AF_UNIX; a leading @ stands for the abstract name space.
        watchdog_seconds: how long it may hear nothing; None where it does not watch.
    """

    address: str
    watchdog_seconds: float | None = None

    def tell(self, *lines: str) -> None:
        """Sends lines as one message; one that can't be sent is not missed: the next one may get through."""
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending, suppress(OSError):
            # A supervisor that does not read must not hold up the event loop.
            sending.setblocking(False)
            sending.sendto("\n".join(lines).encode(), address)

    async def keep_told(self, status: str) -> None:
        """Says that it serves, then that it lives until it is cancelled, then that it ends.

        Args:
            status: one line for `systemctl status`.
        """
        self.tell(READY, f"STATUS={status}")
        try:
            while self.watchdog_seconds is not None:
                self.tell(ALIVE)
                # A third, so that two may be late.
                await asyncio.sleep(self.watchdog_seconds / 3)
            await asyncio.Event().wait()
        finally:
            self.tell(STOPPING)


def supervisor(environ: Mapping[str, str]) -> Supervisor | None:
    """Whom `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` name; None for nobody, as in a terminal."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return None
    microseconds = environ.get("WATCHDOG_USEC", "")
    ours = environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    watched = ours and microseconds.isdecimal() and int(microseconds) > 0
    return Supervisor(address, int(microseconds) / 1e6 if watched else None)


def beside(environ: Mapping[str, str], status: str) -> tuple[Callable[[], Awaitable[None]], ...]:
    """What has to run beside the daemon: nothing where nobody wants to be told."""
    found = supervisor(environ)
    return () if found is None else (lambda: found.keep_told(status),)
