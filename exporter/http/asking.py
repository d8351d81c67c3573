"""The question of a health check to the exporter on the same machine, over a socket of its own.

No HTTP client: a health check runs every few seconds, and importing one takes longer than asking. The
certificate is not verified: it is made out to the name that others use, and what is asked is whether the
process lives.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from exporter.model.errors import SettingsError
from exporter.settings.sections import Web

SECONDS = 3.0
"""For everything together."""
REQUEST = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
ANY = {"": ("127.0.0.1", "::1"), "0.0.0.0": ("127.0.0.1",), "::": ("::1", "127.0.0.1")}  # noqa: S104
"""Where an exporter answers that listens on all addresses."""


class NotHealthyError(Exception):
    """The exporter does not answer as it should; the text says how."""


def ask(web: Web) -> str:
    """Asks the exporter of these settings; returns the line that says how it is.

    Raises:
        NotHealthyError: it can't be reached, does not answer in time, or answers something else.
    """
    host, port = web.bind
    if port == 0:
        raise NotHealthyError("not asked: web.listen_address has port 0, so the port is known to nobody")
    until = monotonic() + SECONDS
    failed: list[str] = []
    for address in ANY.get(host, (host,)):
        for tls in _ways(web.config_file):
            try:
                return _asked(address, port, tls, until)
            except (OSError, NotHealthyError) as error:
                failed.append(_why(error))
        if monotonic() >= until:
            break
    raise NotHealthyError(f"not healthy: {web.listen_address}: {'; '.join(dict.fromkeys(failed))}")


def _ways(file: Path | None) -> Sequence[bool]:
    """With TLS or without. A file that is bad by now says neither: the exporter may run with what it was."""
    if file is None:
        return (False,)
    from exporter.settings.web_file.read import read_web_file  # noqa: PLC0415  # YAML, where there is a file

    try:
        return (read_web_file(file).tls is not None,)
    except SettingsError:
        return (True, False)


def _asked(host: str, port: int, tls: bool, until: float) -> str:
    with socket.create_connection((host, port), timeout=_left(until)) as plain:
        if not tls:
            return _answer(plain, until)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                return _answer(wrapped, until)
        except ssl.SSLError as error:
            if _wants_certificate(error):
                return "healthy: it wants a client certificate, which this check has not"
            raise


def _wants_certificate(error: ssl.SSLError) -> bool:
    """Whether the server refused us for lack of a certificate: it got through a handshake to say so.

    TLS 1.3 has an alert for that, TLS 1.2 only the general one.
    """
    reason = error.reason or ""
    return reason.endswith(("ALERT_CERTIFICATE_REQUIRED", "ALERT_HANDSHAKE_FAILURE"))


def _answer(connection: socket.socket, until: float) -> str:
    connection.settimeout(_left(until))
    connection.sendall(REQUEST)
    said = b""
    while b"\r\n" not in said and len(said) < 512:
        connection.settimeout(_left(until))
        part = connection.recv(512)
        if not part:
            break
        said += part
    status = said.split(b" ", 2)[1:2]
    if not said.startswith(b"HTTP/1.1 ") or status != [b"200"]:
        text = said.partition(b"\r\n")[0][:60].decode("ascii", "replace")
        raise NotHealthyError(f"expected HTTP 200, got {text!r}" if text else "the connection was closed")
    return "healthy"


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:g} s"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
