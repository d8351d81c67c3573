"""What may stand in the web file; a section's fields are its keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from exporter.settings.given import did_you_mean
from exporter.settings.sections.base import Section
from exporter.settings.web_file import names

_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)
_COSTS = range(4, 19)
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+|0")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


def _known(what: str, known: Iterable[str]) -> AfterValidator:
    names_ = tuple(known)

    def check(name: str) -> str:
        if name not in names_:
            hint = did_you_mean(name, names_) or f": {', '.join(names_)}"
            raise ValueError(f"expected {what}{hint}")
        return name

    return AfterValidator(check)


def _policy(name: str) -> str:
    if name in names.UNVERIFIED:
        raise ValueError(
            f"{name} takes certificates that nobody signed, which keeps nobody out, and which Python's ssl"
            f" can't do: use {names.REQUIRED}"
        )
    return name


def _version(name: str) -> str:
    if name in ("TLS10", "TLS11"):
        raise ValueError("TLS 1.0 and 1.1 are broken and not spoken here: expected TLS12 or TLS13")
    return name


def _duration(value: object) -> object:
    """Seconds of a duration as Go writes it."""
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError("expected a duration with its unit, such as 1s or 500ms; 0 for no limit")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))


Policy = Annotated[
    str, _known("a policy", (*names.CLIENT_AUTH, names.UNVERIFIED[1])), AfterValidator(_policy)
]
Version = Annotated[Literal["TLS10", "TLS11", "TLS12", "TLS13"], AfterValidator(_version)]
Suite = Annotated[
    str, _known("a suite of Go's CipherSuites", {**names.TLS12_SUITES, **dict.fromkeys(names.TLS13_SUITES)})
]
Curve = Annotated[str, _known("a curve", names.CURVES)]


class Tls(Section):
    """The section `tls_server_config`. A text and its file are two ways to give the same.

    Attributes:
        client_auth_type: whether clients show a certificate.
        client_allowed_sans: names, of which a client's certificate needs one.
    """

    cert: str | None = None
    key: SecretStr | None = None
    client_ca: str | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    client_auth_type: Policy = names.NO_CERTIFICATE
    client_allowed_sans: tuple[str, ...] = ()
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: tuple[Suite, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[Curve, ...] = ()

    @property
    def asks_client(self) -> bool:
        """Whether a client is asked for a certificate."""
        return self.client_auth_type in (names.IF_GIVEN, names.REQUIRED)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are named."""
        return tuple(f for f in (self.cert_file, self.key_file, self.client_ca_file) if f is not None)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        wrong = next(iter(self._wrong()), None)
        if wrong is not None:
            raise ValueError(wrong)
        return self

    def _wrong(self) -> Iterator[str]:
        for name in ("cert", "key", "client_ca"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                yield f"{name} and {name}_file are both given: keep one"
        for name in ("cert", "key"):
            if getattr(self, name) is None and getattr(self, f"{name}_file") is None:
                yield f"{name}_file is missing: TLS needs a certificate and its key"
        has_ca = self.client_ca is not None or self.client_ca_file is not None
        if self.asks_client and not has_ca:
            yield (
                f"client_ca_file is missing: {self.client_auth_type} needs the authority that signs"
                " the clients' certificates"
            )
        if has_ca and self.client_auth_type == names.NO_CERTIFICATE:
            yield f"client_ca_file without client_auth_type changes nothing: expected {names.REQUIRED}"
        if self.client_allowed_sans and not self.asks_client:
            yield f"client_allowed_sans needs client_auth_type: {names.REQUIRED} or {names.IF_GIVEN}"
        if self.min_version > self.max_version:
            yield "min_version is above max_version"
        yield from self._beyond_python()

    def _beyond_python(self) -> Iterator[str]:
        if self.curve_preferences and (
            len(self.curve_preferences) > 1 or self.curve_preferences[0] not in names.ONE_CURVE
        ):
            yield (
                "curve_preferences: Python's ssl can set one curve of CurveP256, CurveP384, CurveP521;"
                " leave the list out for X25519 and the three in OpenSSL's order"
            )
        if self.max_version == "TLS12" and self.cipher_suites and not self.tls12_suites:
            yield "cipher_suites has none of TLS 1.2, and max_version none above"

    @property
    def tls12_suites(self) -> tuple[str, ...]:
        """OpenSSL's names of the suites for TLS 1.2; none if only suites of TLS 1.3 are listed."""
        wanted = self.cipher_suites or names.DEFAULT_SUITES
        return tuple(names.TLS12_SUITES[name] for name in wanted if name in names.TLS12_SUITES)


def _headers(given: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in given.items():
        if name not in names.HEADERS:
            hint = did_you_mean(name, names.HEADERS)
            raise ValueError(f"{name} can't be set: expected {', '.join(names.HEADERS)}{hint}")
        allowed = names.HEADERS[name]
        if value and allowed and value not in allowed:
            raise ValueError(f"{name}: expected {' or '.join(allowed)}")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"{name}: expected one line of printable ASCII")
    return given


class Http(Section):
    """The section `http_server_config`."""

    http2: bool | None = None
    headers: Annotated[Mapping[str, str], AfterValidator(_headers)] = Field(default_factory=dict)


class RateLimit(Section):
    """The section `rate_limit`: `burst` requests at once, then one each `interval` seconds; 0: no limit."""

    interval: Annotated[float, BeforeValidator(_duration)] = 0.0
    burst: int = 0

    @model_validator(mode="after")
    def _lets_one_in(self) -> Self:
        if self.interval > 0 and self.burst < 1:
            raise ValueError("burst: expected 1 or more, or no request would ever be answered")
        return self


def _shown(name: str) -> str:
    """A user's name for a message, unless name and hash may have changed places."""
    return name if name.isalnum() and len(name) < 40 else "USER"


def _users(users: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
    for name, given in users.items():
        if not name or ":" in name:
            raise ValueError("expected names of users that are not empty and have no colon")
        match = _HASH.fullmatch(given.get_secret_value())
        if match is None:
            raise ValueError(
                f"expected a bcrypt hash for each user: htpasswd -nBC 10 {_shown(name)} writes one"
            )
        if int(match[1]) not in _COSTS:
            raise ValueError(
                f"{_shown(name)}: expected a bcrypt hash of a cost from {_COSTS[0]} to {_COSTS[-1]}"
            )
    return users


class WebFile(Section):
    """The whole file."""

    tls_server_config: Tls | None = None
    http_server_config: Http = Field(default_factory=Http)
    basic_auth_users: Annotated[Mapping[str, SecretStr], AfterValidator(_users)] = Field(default_factory=dict)
    rate_limit: RateLimit = Field(default_factory=RateLimit)

    @property
    def tls(self) -> Tls | None:
        """The section for TLS; None for plain HTTP."""
        return self.tls_server_config

    @property
    def headers(self) -> dict[str, str]:
        """Headers for each answer."""
        return {name: value for name, value in self.http_server_config.headers.items() if value}

    @property
    def users(self) -> dict[str, str]:
        """User -> bcrypt hash."""
        return {name: given.get_secret_value() for name, given in self.basic_auth_users.items()}

    def notes(self) -> list[str]:
        """What is taken, and means something else here than in the toolkit: one line each."""
        found = []
        if self.http_server_config.http2:
            found.append("http2: HTTP/2 is not spoken here; clients use HTTP/1.1 by themselves")
        if self.tls is not None and self.tls.client_auth_type == names.REQUESTED:
            found.append(
                f"client_auth_type: {names.REQUESTED} asks for no certificate here: nobody would look at it"
            )
        return found
