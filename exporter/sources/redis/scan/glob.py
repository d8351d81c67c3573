r"""Redis's glob patterns as regular expressions, so that one walk over the keys serves all patterns.

What a server's own MATCH does, byte by byte: `*` any run, `?` one byte, `[abc]`, `[a-z]`, `[^abc]`, and `\`
before a byte that stands for itself. A class without an end ends with the pattern, one without a member
matches nothing. See https://redis.io/docs/latest/commands/keys/.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Matches = Callable[[bytes], object]
"""Whether a key matches: any true value."""


def compiled(pattern: str) -> Matches:
    """A function that says whether a key matches the pattern."""
    glob = pattern.encode(errors="surrogateescape")
    if glob == b"*":
        return lambda _key: True
    # The empty key matches `*` alone: a server looks at no pattern once a key has ended.
    return re.compile(b"(?=.)" + translated(glob) + rb"\Z", re.DOTALL).match


def translated(glob: bytes) -> bytes:
    """The regular expression; each run up to a star is atomic, so that no pattern takes long to fail."""
    runs, at = [b""], 0
    while at < len(glob):
        byte = glob[at : at + 1]
        if byte == b"*":
            runs.append(b"")
            at += 1
        elif byte == b"[":
            text, at = _class(glob, at + 1)
            runs[-1] += text
        else:
            at += byte == b"\\" and at + 1 < len(glob)
            runs[-1] += b"." if byte == b"?" else re.escape(glob[at : at + 1])
            at += 1
    first, *others = runs
    if not others:
        return first
    middle = b"".join(b"(?>.*?%s)" % run for run in others[:-1] if run)
    return first + middle + b".*" + others[-1]


def _class(glob: bytes, at: int) -> tuple[bytes, int]:
    """A class from behind its bracket on: the expression, and where the pattern goes on."""
    negated = glob[at : at + 1] == b"^"
    at += negated
    members: list[tuple[int, int]] = []
    while at < len(glob) and glob[at : at + 1] != b"]":
        left = len(glob) - at
        if left >= 2 and glob[at : at + 1] == b"\\":
            at += 1
            members.append((glob[at], glob[at]))
        elif left >= 3 and glob[at + 1 : at + 2] == b"-":
            low, high = sorted((glob[at], glob[at + 2]))
            members.append((low, high))
            at += 2
        else:
            members.append((glob[at], glob[at]))
        at += 1
    if not members:
        return (b"." if negated else b"(?!)"), at + 1
    ranges = b"".join(rb"\x%02x-\x%02x" % member for member in members)
    return b"[" + b"^" * negated + ranges + b"]", at + 1
