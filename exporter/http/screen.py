"""What is wrong with a request before any route sees it: its target, method, Host, origin and body.

https://www.rfc-editor.org/rfc/rfc9112.html has the grammar. What is not plainly right is refused and the
connection closed, so that this server and a proxy in front of it never read one request in two ways. No
answer repeats what was sent.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

BODY_BYTES = 16 * 1024
"""A body may be as long; nothing but the API reads one."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
VERSIONS = ("1.1", "1.0")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({b"same-origin", b"none"})

_LOOKED_AT = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"upgrade", b"sec-fetch-site", b"origin"}
)
_TARGET = re.compile(
    rb"(/(?!/)(?:[A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*+)(?:\?(?:[!\"$&-~]|%[0-9A-Fa-f]{2})*+)?"
)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f\\]")
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a request is answered instead; the text is ours alone."""

    status: int
    text: str


ORIGIN_FORM = Refusal(400, "expected a path as the target of the request")
NO_PATH = Refusal(400, "expected path and query without '..', control characters and broken percent signs")
NO_HOST = Refusal(400, "expected one header Host, with a name or an address")
STRANGE_VERSION = Refusal(505, "expected version 1.1 of HTTP, or 1.0")
STRANGE_METHOD = Refusal(501, "expected GET, HEAD or POST")
UPGRADE = Refusal(400, "expected HTTP/1.1 without an upgrade")
TOO_LARGE = Refusal(413, f"expected a body of {BODY_BYTES} bytes at most")
NO_LENGTH = Refusal(411, "expected a body with its length, or none")
FOREIGN_HOST = Refusal(
    421, "the name in the header Host is not this exporter's: web.allowed_hosts lists those that are"
)
FOREIGN_SITE = Refusal(403, "expected no request from another site")


class Screen:
    """The checks.

    Args:
        allowed: names in the header Host, as `web.allowed_hosts` has them.
        host: what is listened on, as `web.listen_address` has it.
        api_path: below it bodies and origins are others' business; None for nowhere.
    """

    def __init__(self, allowed: Sequence[str], host: str, api_path: str | None = None) -> None:
        self._api_path = api_path
        self._any = "*" in allowed or (not allowed and not _is_loopback(host))
        own = socket.gethostname().lower()
        self._exact = {*allowed, "localhost", host.lower(), own, own.partition(".")[0]}
        self._suffixes = tuple(name[1:] for name in (*allowed, "*.localhost") if name.startswith("*."))
        self._host = lru_cache(64)(self._checked_host)

    def refusal(self, scope: Scope) -> Refusal | None:
        """What is wrong with a request; None for nothing.

        Args:
            scope: ASGI's, with the target as it was sent as `target`.
        """
        found: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            if name in _LOOKED_AT:
                found.setdefault(name, []).append(value)
        hosts = found.pop(b"host", [])
        wrong = _target(scope["target"]) or self._of_hosts(hosts, scope["http_version"])
        if wrong is None and (found or scope["method"] != "GET"):
            wrong = self._of_method(scope, hosts, found) or self._of_rest(scope, found)
        return wrong

    def _of_hosts(self, hosts: Sequence[bytes], version: str) -> Refusal | None:
        if version not in VERSIONS:
            return STRANGE_VERSION
        if len(hosts) == 1:
            return self._host(hosts[0])
        return None if not hosts and version == "1.0" else NO_HOST

    def _checked_host(self, sent: bytes) -> Refusal | None:
        match = _HOST.fullmatch(sent.decode("latin-1").lower())
        if match is None:
            return NO_HOST
        name = (match[1] or match[2]).rstrip(".")
        try:
            ip_address(name)
        except ValueError:
            if match[1] or not name:
                return NO_HOST
        else:
            return None  # no name, so none that somebody else could make point here
        known = self._any or name in self._exact or name.endswith(self._suffixes)
        return None if known else FOREIGN_HOST

    def _of_method(
        self, scope: Scope, hosts: Sequence[bytes], found: Mapping[bytes, Sequence[bytes]]
    ) -> Refusal | None:
        if scope["method"] not in METHODS:
            return STRANGE_METHOD
        if scope["method"] in SAFE or self._is_api(scope):
            return None
        origins = [origin.partition(b"://")[2].lower() for origin in found.get(b"origin", ())]
        ours = all(hosts and origin == hosts[0].lower() for origin in origins)
        return None if ours and {*found.get(b"sec-fetch-site", ())} <= OWN_SITES else FOREIGN_SITE

    def _of_rest(self, scope: Scope, found: Mapping[bytes, Sequence[bytes]]) -> Refusal | None:
        if any(b"websocket" in value.lower() for value in found.get(b"upgrade", ())):
            return UPGRADE
        if self._is_api(scope):
            return None
        if b"transfer-encoding" in found:
            return NO_LENGTH
        length = found.get(b"content-length", (b"0",))[0].lstrip(b"0")
        return TOO_LARGE if int(length[:20] or b"0") > BODY_BYTES else None

    def _is_api(self, scope: Scope) -> bool:
        path, api = scope["path"], self._api_path
        return api is not None and (path == api or path.startswith(f"{api}/"))


def _target(target: bytes) -> Refusal | None:
    match = _TARGET.fullmatch(target)
    if match is None:
        return NO_PATH if target[:1] == b"/" and target[:2] != b"//" else ORIGIN_FORM
    path = match[1]
    if b"%" in path:
        path = unquote_to_bytes(path)
        try:
            path.decode()
        except UnicodeDecodeError:
            return NO_PATH
        if _CONTROL.search(path):
            return NO_PATH
    if b"/." in path and any(part in (b".", b"..") for part in path.split(b"/")):
        return NO_PATH
    return None


def _is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is listened on: a name is asked for as the socket does it."""
    if not host:
        return False
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    addresses = [ip_address(str(one).partition("%")[0]) for one in found]
    return all((getattr(one, "ipv4_mapped", None) or one).is_loopback for one in addresses)
