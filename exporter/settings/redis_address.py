"""The address of a Redis server, or the seeds of several: what is taken, and where the login in it goes."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

SEPARATOR = ","
"""Between seeds."""

_NETWORK = re.compile(
    r"(?:(?:redis|rediss|valkey|valkeys)://)?(?:[^\s/@:?#,\[\]]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?(?:/\d*)?"
)
_SOCKET = re.compile(r"unix:///?[^\s@?#]+")


def redis_address(text: str) -> str:
    """The address as it is: `host:port` or a URL without user and password, or several with commas between.

    Raises:
        ValueError: it is neither, or holds credentials where `split_redis_address` does not find them.
    """
    for seed in [text] if text.startswith("unix:") else text.split(SEPARATOR):
        address, _, query = seed.strip().partition("?")
        if not (_NETWORK.fullmatch(address) or _SOCKET.fullmatch(address)):
            raise ValueError(
                "expected host:port or a URL (redis, rediss, valkey, valkeys or unix://);"
                " write @ / ? # and % in a password as %40 %2F %3F %23 %25"
            )
        if {"username", "password"} & {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}:
            raise ValueError("expected no credentials after the ?: use redis.username and redis.password")
    return text


def seeds(address: str) -> list[str]:
    """The addresses one by one; those without a scheme have the first one's."""
    if address.startswith("unix:"):
        return [address]
    first, *others = [seed.strip() for seed in address.split(SEPARATOR)]
    scheme, colons, _ = first.rpartition("://")
    return [first, *(seed if "://" in seed else f"{scheme}{colons}{seed}" for seed in others)]


class RedisAddress(NamedTuple):
    """A Redis address taken apart, so that what is shown as the address holds no password."""

    address: str
    username: str
    password: str


def split_redis_address(text: str) -> RedisAddress:
    """Takes `user:password@` out of an address; both are unquoted, and empty where they are not given.

    What has a login in more than one place, or no host behind it, stays as it is: `redis_address` refuses it.
    """
    head, question, query = text.partition("?")
    scheme, colons, rest = head.partition("://") if "://" in head else ("", "", head)
    userinfo, _, host = rest.rpartition("@")
    if not host or "://" in userinfo:
        return RedisAddress(text, "", "")
    username, _, password = userinfo.partition(":")
    return RedisAddress(f"{scheme}{colons}{host}{question}{query}", unquote(username), unquote(password))
