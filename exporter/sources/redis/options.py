"""How to reach a Redis server: plain options, and what their address means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from exporter.model.errors import SettingsError
from exporter.sources.redis.scan.options import KeyOptions

DEFAULT_PORT = 6379
PLAIN = ("redis", "valkey")
ENCRYPTED = ("rediss", "valkeys")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """What `rediss://` needs beyond the address; the files are read anew for each connection.

    Attributes:
        ca_file: certificates to trust, PEM; None for the system's.
        cert_file: our certificate, PEM, where the server asks for one.
        key_file: the key of `cert_file`, PEM.
        server_name: the name to find in the server's certificate; None for the address's host.
        verify: whether the server's certificate is checked at all.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisOptions:
    """A Redis server and how to log in.

    Attributes:
        url: `redis://`, `rediss://` (TLS), `valkey://`, `valkeys://` (TLS), `unix://PATH`, or plain
            `HOST:PORT`. May hold user and password; a database number in it is not needed.
        username: the ACL user; takes precedence over the address.
        password: takes precedence over the address.
        connect_timeout_seconds: how long one attempt may take until the server has answered.
        max_age_seconds: a connection older than this is replaced. That is how a changed name
            server entry, or a right granted in the meantime, is noticed.
        client_name: what `CLIENT LIST` on the server shows.
        tls: for the addresses with TLS.
        keys: what is asked about keys in the background.
        search_indexes: found in the names of the search indexes that are collected.
    """

    url: str = field(default="redis://localhost:6379", repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    connect_timeout_seconds: float = 5.0
    max_age_seconds: float = 3600.0
    client_name: str = "datastack-exporter"
    tls: TlsOptions = TlsOptions()
    keys: KeyOptions = field(default_factory=KeyOptions)
    search_indexes: re.Pattern[str] = re.compile("")


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address: a host and its port, or the path of a socket.

    Attributes:
        where: the address for people, without user or password: `localhost:6379`.
    """

    where: str
    host: str = ""
    port: int = DEFAULT_PORT
    path: str = ""
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def address_of(options: RedisOptions) -> Address:
    """Takes the address apart, and puts the login of `options` in place of the address's.

    Raises:
        SettingsError: no known scheme, or a port that is none. The message does not quote the
            address, which may hold a password.
    """
    url = options.url if "://" in options.url else f"redis://{options.url}"
    parts = urlsplit(url)
    if parts.scheme not in (*PLAIN, *ENCRYPTED, "unix"):
        expected = ", ".join(f"{scheme}://" for scheme in (*PLAIN, *ENCRYPTED, "unix"))
        raise SettingsError([f"redis.url: unknown scheme {parts.scheme}://, expected one of {expected}"])
    username = options.username or _text(parts.username)
    password = options.password or _text(parts.password)
    if parts.scheme == "unix":
        path = unquote(parts.path)
        return Address(path, path=path, username=username, password=password)
    host, port = parts.hostname or "localhost", _port(parts)
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    tls = parts.scheme in ENCRYPTED
    return Address(where, host, port, tls=tls, username=username, password=password)


def _text(part: str | None) -> str | None:
    return unquote(part) if part else None


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or DEFAULT_PORT
    except ValueError:
        raise SettingsError(["redis.url: the port is not a number from 1 to 65535"]) from None
