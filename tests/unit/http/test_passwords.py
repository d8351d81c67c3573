"""Who gets in with a password, and what those who don't cost."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from time import monotonic, process_time

import bcrypt
import pytest

from exporter.http import passwords as module
from exporter.http.passwords import BusyError, Passwords
from tests.unit.http.conftest import SECRET, SECRET_HASH


def basic(user: str, password: str) -> bytes:
    """The header's value."""
    return b"Basic " + b64encode(f"{user}:{password}".encode())


@pytest.mark.parametrize(
    ("header", "right"),
    [
        (basic("prom", SECRET), True),
        (basic("prom", SECRET).replace(b"Basic", b"bASIC"), True),
        (basic("prom", SECRET + "x"), False),
        (basic("prom", ""), False),
        (basic("", SECRET), False),
        (basic("other", SECRET), False),
        (b"Bearer " + b64encode(f"prom:{SECRET}".encode()), False),
        (b"Basic prom:" + SECRET.encode(), False),
        (b"Basic", False),
        (b"", False),
        (b"Basic \xff\xff", False),
        (basic("prom", SECRET + "\0"), False),
        (b"Basic " + b"A" * 100_000, False),
    ],
)
async def test_one_header(header: bytes, right: bool) -> None:
    passwords = Passwords({"prom": SECRET_HASH})
    assert await passwords.right(header, "192.0.2.1") is right
    assert await passwords.right(header, "192.0.2.1") is right, "the second time it is remembered"
    passwords.close()


async def test_a_password_may_have_colons_and_letters_of_all_kinds_and_be_long() -> None:
    for password in ("a:b:c", "pässwörd", "x" * 72):
        passwords = Passwords({"prom": bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()})
        assert await passwords.right(basic("prom", password), "")
        passwords.close()


async def test_what_was_right_costs_nothing_again() -> None:
    passwords = Passwords({"prom": bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(10)).decode()})
    header = basic("prom", SECRET)
    started = monotonic()
    assert await passwords.right(header, "")
    first = monotonic() - started
    started = monotonic()
    assert all(passwords.known(header) for _ in range(100))
    assert monotonic() - started < first
    passwords.close()


async def test_nobody_learns_which_users_there_are() -> None:
    """A user who is not there is tried against the costliest hash."""
    tried: list[bytes] = []
    passwords = Passwords({"a": SECRET_HASH, "b": bcrypt.hashpw(b"x", bcrypt.gensalt(5)).decode()})
    right = passwords._checkpw

    def noting(password: bytes, hashed_password: bytes) -> bool:
        tried.append(hashed_password)
        return right(password, hashed_password)

    passwords._checkpw = noting
    assert not await passwords.right(basic("nobody", "x"), ""), "not even with the password of another"
    assert tried[0].startswith(b"$2b$05$")
    passwords.close()


async def test_a_flood_leaves_others_their_turn_and_half_a_processor() -> None:
    passwords = Passwords({"prom": bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(8)).decode()})
    busy = 0

    async def flood(n: int) -> None:
        nonlocal busy
        try:
            assert not await passwords.right(basic("prom", f"wrong {n}"), "192.0.2.66")
        except BusyError:
            busy += 1

    used, started = process_time(), monotonic()
    wrong = [asyncio.create_task(flood(n)) for n in range(500)]
    await asyncio.sleep(0)
    assert await passwords.right(basic("prom", SECRET), "192.0.2.1")
    await asyncio.gather(*wrong)
    assert busy == 500 - module.PLACES_OF_ONE
    assert (process_time() - used) < 0.9 * (monotonic() - started) + 0.1
    assert not passwords._waiting
    assert not passwords._under_way
    passwords.close()


async def test_the_same_password_many_times_is_tried_once() -> None:
    passwords = Passwords({"prom": SECRET_HASH})
    tries = [passwords.right(basic("prom", SECRET), "192.0.2.1") for _ in range(50)]
    assert await asyncio.gather(*tries) == [True] * 50
    passwords.close()


async def test_many_addresses_fill_the_queue_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 8)
    passwords = Passwords({"prom": SECRET_HASH})
    tries = (passwords.right(basic("prom", f"{n}"), f"192.0.2.{n}") for n in range(200))
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, BusyError) for one in found) == 200 - module.PLACES
    assert len(passwords._known[0]) == 8
    passwords.close()


async def test_a_change_of_users_forgets_those_who_changed() -> None:
    """A flood of wrong ones holds nobody up who was in before another user came."""
    other = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()
    passwords = Passwords({"prom": SECRET_HASH, "gone": SECRET_HASH, "changed": SECRET_HASH})
    headers = [basic(user, SECRET) for user in ("prom", "gone", "changed")]
    assert all([await passwords.right(header, "") for header in headers])
    assert not await passwords.right(basic("new", SECRET), "")
    after = passwords.followed_by({"prom": SECRET_HASH, "changed": other, "new": SECRET_HASH})
    assert [after.known(header) for header in headers] == [True, None, None]
    assert await after.right(basic("new", SECRET), "")
    for one in (passwords, after):
        one.close()
