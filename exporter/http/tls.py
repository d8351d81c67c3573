"""TLS contexts from the web file, and what certificates say.

Certificate, key and authorities are read into memory first and loaded from there: what was checked is what is
used, whatever happens to the files meanwhile.
"""

from __future__ import annotations

import os
import re
import ssl
import tempfile
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from exporter.model.errors import SettingsError
from exporter.settings.given import UnreadableError, read_text
from exporter.settings.web_file import Tls, names

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Material:
    """What the section names, as it was read: PEM texts.

    Attributes:
        client_ca: the authorities for clients' certificates; empty for none.
    """

    cert: str
    key: str = field(repr=False)
    client_ca: str = ""

    @classmethod
    def read(cls, tls: Tls) -> Material:
        """All of it, from the files or from the web file itself.

        Raises:
            SettingsError: a file can't be read.
        """
        key = tls.key.get_secret_value() if tls.key is not None else None
        return cls(
            _text("cert_file", tls.cert_file, tls.cert),
            _text("key_file", tls.key_file, key),
            _text("client_ca_file", tls.client_ca_file, tls.client_ca),
        )

    def not_after(self) -> float | None:
        """Unix time at which the first certificate of the chain ends; None if that can't be read."""
        ends = []
        for pem in _CERTIFICATE.findall(self.cert):
            with suppress(ValueError, IndexError, Base64Error):
                ends.append(_end_of(ssl.PEM_cert_to_DER_cert(pem)))
        return min(ends, default=None)


def _text(key: str, path: Path | None, inline: str | None) -> str:
    if path is None:
        return inline or ""
    try:
        return read_text(str(path))
    except UnreadableError as error:
        raise SettingsError([f"tls_server_config.{key}: {error}"]) from None


def server_context(tls: Tls, material: Material) -> ssl.SSLContext:
    """A context for the server's side.

    Its tickets are good for this context alone: after a change each client shows its certificate again.

    Raises:
        SettingsError: certificate and key don't fit, or are none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    if suites := tls.tls12_suites:
        context.set_ciphers(":".join(suites))
    else:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    for curve in tls.curve_preferences:
        context.set_ecdh_curve(names.ONE_CURVE[curve])
    context.set_alpn_protocols(["http/1.1"])
    _load_chain(context, material)
    _load_authorities(context, tls, material)
    return context


def _load_chain(context: ssl.SSLContext, material: Material) -> None:
    what = "tls_server_config: certificate and key"
    if "ENCRYPTED" in material.key:
        raise SettingsError([f"{what}: the key has a passphrase: openssl pkey -in KEY writes it without"])
    try:
        with _as_file(f"{material.cert}\n{material.key}\n") as name:
            context.load_cert_chain(name)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            text = f"{what}: the key is not the certificate's: replace both"
        else:
            text = f"{what}: expected a PEM chain, the server's own certificate first, and its PEM key"
        raise SettingsError([text]) from None
    except OSError as error:
        raise SettingsError([f"{what}: can't be handed to OpenSSL: {error.strerror or error}"]) from None


def _load_authorities(context: ssl.SSLContext, tls: Tls, material: Material) -> None:
    if not tls.asks_client:
        return
    # PEM is ASCII: for anything else Python raises a TypeError, where OpenSSL says that it is none.
    authorities = material.client_ca.encode("ascii", "replace").decode()
    try:
        context.load_verify_locations(cadata=authorities)
    except ssl.SSLError:
        raise SettingsError(["tls_server_config.client_ca_file: expected PEM certificates"]) from None
    required = tls.client_auth_type == names.REQUIRED
    context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """The name of a file with this text: Python's ssl takes certificates from files only.

    It is in memory where the system has that; else nobody but this user may read it, and it is removed.
    """
    try:
        number = os.memfd_create("certificate")
    except (AttributeError, OSError):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text)
            file.flush()
            yield file.name
        return
    with os.fdopen(number, "w") as memory:
        memory.write(text)
        memory.flush()
        yield f"/proc/self/fd/{number}"


def shows_allowed_name(certificate: Mapping[str, Any] | None, allowed: Sequence[str]) -> bool:
    """Whether a client's certificate has one of these names; no certificate at all is for OpenSSL to judge.

    Args:
        certificate: as `SSLSocket.getpeercert` gives it.
        allowed: DNS names, IP addresses, mail addresses, URIs.
    """
    if not certificate or not allowed:
        return True
    names_ = (_plain(kind, name) for kind, name in certificate.get("subjectAltName", ()))
    return any(name in allowed for name in names_)


def _plain(kind: str, name: str) -> str:
    """A name as one writes it: OpenSSL writes out all of an IPv6 address."""
    return str(ip_address(name.strip())) if kind == "IP Address" else name


def _end_of(der: bytes) -> float:
    """Unix time of `notAfter`: https://www.rfc-editor.org/rfc/rfc5280#section-4.1.

    Raises:
        ValueError: it is no certificate.
        IndexError: it breaks off.
    """
    at, _ = _inside(der, 0)  # Certificate
    at, _ = _inside(der, at)  # TBSCertificate
    if der[at] == 0xA0:
        at = _after(der, at)  # version
    for _ in ("serialNumber", "signature", "issuer"):
        at = _after(der, at)
    at, _ = _inside(der, at)  # validity
    at = _after(der, at)  # notBefore
    start, end = _inside(der, at)
    form = "%y%m%d%H%M%SZ" if der[at] == 0x17 else "%Y%m%d%H%M%SZ"
    return datetime.strptime(der[start:end].decode("ascii"), form).replace(tzinfo=UTC).timestamp()


def _inside(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins, and where it ends."""
    length, start = der[at + 1], at + 2
    if length >= 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    return start, start + length


def _after(der: bytes, at: int) -> int:
    return _inside(der, at)[1]
