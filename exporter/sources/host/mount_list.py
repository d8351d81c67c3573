"""Whose mounted file systems are shown: the host's where they can be reached, else this process's."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from exporter.sources.host.mounts import Mount, Places, checked, distinct, parse_mountinfo, shows

KEPT_SECONDS = 60.0
"""How long it is taken for granted what this process has at the places of the host's mounts."""


class MountList:
    """The list of mounts, made anew when a file that it is made of has changed.

    Args:
        own: the mountinfo of this process; None where it can't be read.
        counts: whether the filters let a mount through.
        rootfs: where the host's root is.

    Attributes:
        of_process_1: whether it is the list of process 1, and not only of this process.
    """

    def __init__(self, own: Callable[[], bytes | None], counts: Callable[[Mount], bool], rootfs: str) -> None:
        self.of_process_1 = False
        self._own = own
        self._counts = counts
        self._rootfs = rootfs.rstrip("/") or "/"
        self._made_of: tuple[bytes, bytes] | None = None
        self._until = 0.0
        self._mounts: list[Mount] = []

    def of(self, data: bytes) -> list[Mount]:
        """The list where process 1 has this mountinfo; the same object as long as nothing changes."""
        if self._made_of is not None and self._made_of[0] == data and monotonic() < self._until:
            return self._mounts
        own = self._own() or data
        self._until = monotonic() + KEPT_SECONDS
        if self._made_of != (data, own):
            self._made_of = (data, own)
            self._mounts = distinct(filter(self._counts, self._chosen(data, own)))
        return self._mounts

    def _chosen(self, data: bytes, own: bytes) -> list[Mount]:
        if data == own:
            self.of_process_1 = True
            return parse_mountinfo(data, self._rootfs)
        theirs, mine = Places(data), Places(own)
        self.of_process_1 = shows(theirs, mine, self._rootfs)
        if self.of_process_1:
            return checked(parse_mountinfo(data, self._rootfs), theirs, mine)
        return parse_mountinfo(own)
