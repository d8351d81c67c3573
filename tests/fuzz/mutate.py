"""Spoils bytes: cuts, repeats, flips, splices, and puts in what parsers stumble over. Seeded."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

ODD = (
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    "\u202e\u2028".encode(),
    b"\r\n",
    b"\n\n",
    b"-1",
    b"0",
    b"99999999999999999999999999",
    b"1e999",
    b"nan",
    b"-inf",
    b"0x10",
    b"1_000",
    b"%00",
    b"%s",
    b"..",
    b"/",
    b"/dev/zero",
    b"/proc/self/mem",
    b"'",
    b'"',
    b"\\",
    b"$$",
    b"/*",
    b"--",
    b"{",
    b"}",
    b"[",
    b"[" * 300,
    b"(" * 300,
    b"&a [*a, *a]",
    b"!!python/object:os.system",
    b": ",
    b"=",
    b",",
    b"|",
    b" " * 500,
    b"a" * 5000,
)
"""Numbers beyond every range, bytes that are no text, brackets without end, names of files without one."""
WORD = re.compile(rb"[\w.]+|[^\w\s]")
LONGEST = 200_000
"""Bytes of a case; splices may double it each time."""


def spoilt(rng: random.Random, corpus: Sequence[bytes]) -> bytes:
    """A case: one of the corpus after one to six changes; once in fifty, nothing but noise."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.randrange(400))
    case = rng.choice(corpus)
    for _ in range(rng.randint(1, 6)):
        case = rng.choice(_CHANGES)(rng, case, corpus)
    return case[:LONGEST]


def _range(rng: random.Random, case: bytes) -> tuple[int, int]:
    """A stretch of at most a hundred bytes."""
    begin = rng.randrange(len(case) + 1)
    return begin, min(len(case), begin + rng.randrange(1, 100))


def _cut(rng: random.Random, case: bytes, _: Sequence[bytes]) -> bytes:
    return case[: rng.randrange(len(case) + 1)]


def _drop(rng: random.Random, case: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _range(rng, case)
    return case[:begin] + case[end:]


def _repeat(rng: random.Random, case: bytes, _: Sequence[bytes]) -> bytes:
    begin, end = _range(rng, case)
    return case[:end] + case[begin:end] * rng.choice((1, 1, 2, 50)) + case[end:]


def _flip(rng: random.Random, case: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(case)
    for _flipped in range(min(len(changed), rng.randint(1, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _insert(rng: random.Random, case: bytes, _: Sequence[bytes]) -> bytes:
    place = rng.randrange(len(case) + 1)
    return case[:place] + rng.choice(ODD) + case[place:]


def _replace(rng: random.Random, case: bytes, _: Sequence[bytes]) -> bytes:
    """Another word, or something odd, where a word was: the grammar around it stays."""
    begin = rng.randrange(len(case) + 1)
    word = WORD.search(case, begin, begin + 2000)
    if word is None:
        return case
    other = WORD.search(case, rng.randrange(len(case) + 1))
    new = other[0] if other is not None and rng.random() < 0.3 else rng.choice(ODD)
    return case[: word.start()] + new + case[word.end() :]


def _swap_lines(rng: random.Random, case: bytes, _: Sequence[bytes]) -> bytes:
    lines = case.split(b"\n")
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def _splice(rng: random.Random, case: bytes, corpus: Sequence[bytes]) -> bytes:
    other = rng.choice(corpus)
    return case[: rng.randrange(len(case) + 1)] + other[rng.randrange(len(other) + 1) :]


_CHANGES = (_cut, _drop, _repeat, _flip, _insert, _insert, _replace, _replace, _replace, _swap_lines, _splice)
