"""The certificate that a PostgreSQL server shows in the TLS handshake.

libpq does not hand it out, so this is a handshake of its own, before any login: the server forks a process
for it and forgets it, without a line in its log.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from psycopg import pq

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Skip, Unavailable

# Length, then a code in place of the protocol's version. PostgreSQL documentation, "SSL Session Encryption".
SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)
ACCEPTED = b"S"

SEQUENCE, EXPLICIT_VERSION, UTC_TIME = 0x30, 0xA0, 0x17
LONG_FORM = 0x80
BEFORE_VALIDITY = ("serial number", "signature algorithm", "issuer")


async def server_certificate(dsn: str, deadline: Deadline) -> bytes:
    """The certificate in DER, whoever signed it: of the first of the DSN's hosts that shows one.

    Args:
        dsn: libpq connection string; what it lacks is taken from libpq's `PG*` variables.
        deadline: when it must be there.

    Raises:
        Skip: the target is a Unix socket, or has no TLS.
        Unavailable: it can't be reached.
        DeadlineExceeded: it was not there in time.
    """
    hosts = addresses(dsn)
    if not hosts:
        raise Skip(Reason.UNSUPPORTED, "a Unix socket has no TLS")
    error: Exception = Unavailable("no host")
    for host, port in hosts:
        try:
            async with asyncio.timeout(deadline.left()):
                return await _handshake(host, port)
        except TimeoutError:
            raise DeadlineExceeded(f"{host}:{port} did not end the TLS handshake in time") from None
        except (OSError, EOFError) as failed:  # ssl.SSLError is an OSError
            error = Unavailable(f"TLS handshake with {host}:{port}: {failed}")
        except Skip as skip:
            error = skip
    raise error


def addresses(dsn: str) -> Sequence[tuple[str, int]]:
    """The TCP hosts and ports of a connection string, as libpq reads them; empty for a Unix socket."""
    params = {option.keyword: option.val for option in pq.Conninfo.get_defaults()}
    params |= {option.keyword: option.val for option in pq.Conninfo.parse(dsn.encode()) if option.val}
    hosts = (params.get(b"hostaddr") or params.get(b"host") or b"").decode().split(",")
    ports = (params.get(b"port") or b"5432").decode().split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    pairs = zip(hosts, ports, strict=False)
    return [(host, int(port or 5432)) for host, port in pairs if host and host[0] not in "/@"]


async def _handshake(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(SSL_REQUEST)
        if await reader.readexactly(1) != ACCEPTED:
            raise Skip(Reason.UNSUPPORTED, f"{host}:{port} does not offer TLS")
        # An expired certificate is what we are here to see.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        await writer.start_tls(context)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        if shown is None:
            raise Skip(Reason.UNSUPPORTED, f"{host}:{port} shows no certificate")
        return bytes(shown)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def not_after(certificate: bytes) -> datetime:
    """When a certificate in DER ceases to be valid: RFC 5280, section 4.1.

    Raises:
        ValueError: it is no X.509 certificate.
    """
    _, body, _ = _element(certificate, SEQUENCE)
    _, rest, _ = _element(body, SEQUENCE)
    if rest[:1] == bytes([EXPLICIT_VERSION]):
        *_, rest = _element(rest)
    for _ in BEFORE_VALIDITY:
        *_, rest = _element(rest)
    _, validity, _ = _element(rest, SEQUENCE)
    *_, end = _element(validity)
    tag, text, _ = _element(end)
    # UTCTime has two digits of the year, and is used up to 2049.
    form = "%y%m%d%H%M%SZ" if tag == UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC)


def _element(data: bytes, expected: int | None = None) -> tuple[int, bytes, bytes]:
    """The first element of DER: its tag, its content, and what follows it."""
    if len(data) < 2 or (expected is not None and data[0] != expected):
        raise ValueError("not an X.509 certificate in DER")
    length, start = data[1], 2
    if length & LONG_FORM:
        start += length & ~LONG_FORM
        length = int.from_bytes(data[2:start])
    return data[0], data[start : start + length], data[start + length :]
