"""Users and passwords of the web file: HTTP Basic authentication, https://www.rfc-editor.org/rfc/rfc7617.

bcrypt is slow on purpose: tens of milliseconds of a CPU for each try. So what was found is remembered, as a
digest with a key of this process; what was not is tried by one thread, and an address has few places in its
queue: who floods it with wrong passwords waits for himself.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from base64 import b64decode
from binascii import Error as Base64Error
from collections import Counter, OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

REMEMBERED = 256
"""Headers whose result is remembered, for right ones and for wrong ones each."""
PLACES = 64
"""Tries that may wait."""
PLACES_OF_ONE = 4
"""Of those, for one address."""
LONGEST_HEADER = 1024
BCRYPT_BYTES = 72
"""Of a password that bcrypt looks at."""


class BusyError(Exception):
    """Too many passwords wait to be tried."""


class Passwords:
    """Says whether a header `Authorization` is right.

    Args:
        users: user -> bcrypt hash; at least one.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        from bcrypt import checkpw  # noqa: PLC0415  # only who has users needs it

        self._checkpw = checkpw
        self.users = dict(users)
        self._hashes = {name.encode(): hash_.encode() for name, hash_ in users.items()}
        # A user who is not there takes as long as the one who takes longest.
        self._of_nobody = max(self._hashes.values(), key=lambda hash_: hash_[4:6])
        self._key = os.urandom(32)
        self._known: tuple[OrderedDict[bytes, bytes], ...] = (OrderedDict(), OrderedDict())
        self._waiting: Counter[str] = Counter()
        self._under_way: dict[bytes, asyncio.Task[bool]] = {}
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")

    def followed_by(self, users: Mapping[str, str]) -> Passwords:
        """The one for other users; what was right is right still, for those who have not changed."""
        after = Passwords(users)
        after._key = self._key
        kept = self._known[True].items()
        after._known[True].update(
            (d, user) for d, user in kept if self._hashes[user] == after._hashes.get(user)
        )
        return after

    def known(self, header: bytes) -> bool | None:
        """What was found out about a header before; None for nothing."""
        digest = self._digest(header)
        for result, headers in enumerate(self._known):
            if digest in headers:
                headers.move_to_end(digest)
                return bool(result)
        return None

    async def right(self, header: bytes, address: str) -> bool:
        """Whether a header has a user and that user's password.

        Args:
            header: its value, all of it.
            address: of the client.

        Raises:
            BusyError: too many wait already, of this address or of all.
        """
        if len(header) > LONGEST_HEADER:
            return False
        if (result := self.known(header)) is not None:
            return result
        digest = self._digest(header)
        task = self._under_way.get(digest)
        if task is None:
            if self._waiting[address] >= PLACES_OF_ONE or self._waiting.total() >= PLACES:
                raise BusyError
            self._waiting[address] += 1
            task = self._under_way[digest] = asyncio.create_task(self._tried(header, digest, address))
        return await asyncio.shield(task)

    async def _tried(self, header: bytes, digest: bytes, address: str) -> bool:
        try:
            async with self._turn:
                started = monotonic()
                loop = asyncio.get_running_loop()
                result = await loop.run_in_executor(self._thread, self._matches, header)
                if not result:
                    await asyncio.sleep(monotonic() - started)  # wrong ones get half a CPU at the most
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]
            del self._under_way[digest]
        self._remember(digest, _user_and_password(header)[0], right=result)
        return result

    def _remember(self, digest: bytes, user: bytes, *, right: bool) -> None:
        headers = self._known[right]
        headers[digest] = user
        if len(headers) > REMEMBERED:
            headers.popitem(last=False)

    def _matches(self, header: bytes) -> bool:
        user, password = _user_and_password(header)
        hash_ = self._hashes.get(user)
        try:
            same = self._checkpw(password[:BCRYPT_BYTES], hash_ or self._of_nobody)
        except ValueError:
            return False
        return same and hash_ is not None

    def _digest(self, header: bytes) -> bytes:
        return hashlib.blake2b(header, key=self._key, digest_size=32).digest()

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _user_and_password(header: bytes) -> tuple[bytes, bytes]:
    """Both of a header; empty ones if it is no Basic authentication, which no user has."""
    scheme, _, text = header.partition(b" ")
    if scheme.lower() != b"basic":
        return b"", b""
    try:
        user, _, password = b64decode(text.strip(), validate=True).partition(b":")
    except (Base64Error, ValueError):
        return b"", b""
    return user, password
