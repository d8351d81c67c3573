"""What a value must look like. A message says what is expected and never repeats the value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import unquote

_LISTEN = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[\w.-]*)):(?P<port>\d{1,5})", re.ASCII)
_TELEMETRY_PATH = re.compile(r"/[\w.~-]+(?:/[\w.~-]+)*", re.ASCII)
_ALLOWED_HOST = re.compile(r"\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", re.ASCII)
_OWN_PATHS = ("/-", "/api", "/discovery", "/probe")

# libpq's `name = value` pairs. Possessive, so that a long wrong text costs no time.
_VALUE = r"(?>'(?>[^'\\]|\\.)*+'|(?!')(?>[^\s\\]|\\(?:.|\Z))*+)"
_KEYWORDS = re.compile(rf"(?>\s*\w+\s*=\s*{_VALUE})++\s*", re.DOTALL)
_BAD_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")

_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)

_OPEN, _CLOSE = "([{", ")]}"


def split_listen_address(text: str) -> tuple[str, int]:
    """Host and port of `host:port`, `:port` or `[v6]:port`; the host is empty for all interfaces.

    Raises:
        ValueError: it is none of these.
    """
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise ValueError("expected host:port, :port or [IPv6 address]:port, with a port from 0 to 65535")
    if match["v6"]:
        try:
            IPv6Address(match["v6"])
        except AddressValueError:
            raise ValueError("expected an IPv6 address between [ and ]") from None
    return match["v6"] or match["host"], int(match["port"])


def listen_address(text: str) -> str:
    """The address as it is.

    Raises:
        ValueError: `split_listen_address` can't take it apart.
    """
    split_listen_address(text)
    return text


def allowed_host(text: str) -> str:
    """The name in small letters.

    Raises:
        ValueError: no header Host can match it.
    """
    if not _ALLOWED_HOST.fullmatch(text.lower()):
        raise ValueError("expected a name such as exporter.example.org, *.example.org or *, without a port")
    return text.lower()


def telemetry_path(text: str) -> str:
    """The path as it is.

    Raises:
        ValueError: it is no plain path, or one that the exporter answers with something else.
    """
    if not _TELEMETRY_PATH.fullmatch(text):
        raise ValueError(
            "expected a path such as /metrics: letters, digits, '.', '_', '~' and '-' after each /"
        )
    if any(text == own or text.startswith(f"{own}/") for own in _OWN_PATHS):
        raise ValueError(f"expected none of the exporter's own paths: {', '.join(_OWN_PATHS)}, or below")
    return text


def absolute(text: str) -> str:
    """The path as it is.

    Raises:
        ValueError: it is not absolute.
    """
    if not text.startswith("/"):
        raise ValueError("expected an absolute path, such as /host/proc")
    return text


def conninfo(text: str) -> str:
    """A libpq connection string as it is: a URI, `name=value` pairs, or empty for libpq's own variables.

    Raises:
        ValueError: libpq would not even parse it.
    """
    if text.startswith(("postgresql://", "postgres://")):
        if _BAD_PERCENT.search(text):
            raise ValueError("expected two hexadecimal digits after each % in a URI: write a % itself as %25")
        try:
            unquote(text, errors="strict")
        except UnicodeDecodeError:
            raise ValueError("expected UTF-8 text behind the % of a URI") from None
    elif text.strip() and not _KEYWORDS.fullmatch(text):
        raise ValueError(
            "expected postgresql://user:password@host:port/database, or name=value pairs (host=... user=...)"
        )
    _read_by_libpq(text)
    return text


def _read_by_libpq(text: str) -> None:
    from psycopg import ProgrammingError  # noqa: PLC0415  # only who has a DSN needs the driver
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        conninfo_to_dict(text)
    except ProgrammingError:  # its text quotes the string, password and all
        raise ValueError(
            "expected a connection string that libpq can read: look at quotes, brackets and parameter names"
        ) from None


def regex(text: str) -> str:
    """A regular expression as it is.

    Raises:
        ValueError: it does not compile.
    """
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(
            f"expected a regular expression (it breaks off at character {(error.pos or 0) + 1})"
        ) from None
    return text


def as_list(value: object) -> object:
    """Splits a text at its commas, but for those within brackets; a JSON list is taken as it is.

    Anything that is no text passes unchanged.
    """
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            pass  # a regular expression that starts with a character set
    parts, depth, escaped = [""], 0, False
    for char in value:
        depth += not escaped and char in _OPEN
        depth -= not escaped and char in _CLOSE
        escaped = char == "\\" and not escaped
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


RELEASES = (*(f"0.{minor}" for minor in range(8, 20)), "queries.yaml")
"""The releases of postgres_exporter with names that later ones don't have; the last is its sample file."""


def release(text: str) -> str:
    """The release as it is.

    Raises:
        ValueError: it is none that has names of its own.
    """
    if text not in RELEASES:
        raise ValueError(f"expected a release from {RELEASES[0]} to {RELEASES[-2]}, or {RELEASES[-1]}")
    return text


def as_pairs(value: object) -> object:
    """Pairs of a mapping, or of `name=value` texts: a list of them, or one text with commas between.

    Raises:
        ValueError: it is none of these. Anything else that is no list passes unchanged.
    """
    if isinstance(value, Mapping):
        return tuple((str(name), str(text)) for name, text in value.items())
    if isinstance(value, str):
        value = tuple(item for item in value.split(",") if item.strip())
    if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
        return value
    if not all("=" in item for item in value):
        raise ValueError("expected name=value pairs with commas between, or a mapping in the file")
    pairs = (item.partition("=") for item in value)
    return tuple((name.strip(), text.strip()) for name, _, text in pairs)


def labels(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The labels as they are.

    Raises:
        ValueError: Prometheus would not take a name, or one stands twice.
    """
    if not all(_LABEL.fullmatch(name) for name, _ in pairs):
        raise ValueError("expected label names of letters, digits and _, no digit and no __ in front")
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("expected each label once")
    return pairs
