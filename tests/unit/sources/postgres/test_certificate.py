"""Dates out of certificates in DER, and the addresses of connection strings."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from exporter.sources.postgres.certificate import addresses, not_after


def element(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes(2)
    return bytes([tag, 0x80 | len(length)]) + length + content


def certificate(end: bytes, *, version: bytes = b"\xa0\x03\x02\x01\x02") -> bytes:
    """What stands before the validity, an issuer long enough for the long form of lengths, the validity."""
    begin = element(0x17, b"200101000000Z")
    issuer = element(0x30, element(0x31, b"x" * 300))
    validity = element(0x30, begin + end)
    before = version + element(0x02, b"\x07") + element(0x30, b"") + issuer
    body = element(0x30, before + validity + b"\x30\x00")
    return element(0x30, body + element(0x03, b"\x00"))


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (element(0x17, b"210203040506Z"), datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC)),
        (element(0x17, b"491231235959Z"), datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (element(0x18, b"20500101000000Z"), datetime(2050, 1, 1, tzinfo=UTC)),
        (element(0x18, b"99991231235959Z"), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("version", [b"\xa0\x03\x02\x01\x02", b""], ids=["v3", "v1"])
def test_the_end_of_the_validity(end: bytes, expected: datetime, version: bytes) -> None:
    assert not_after(certificate(end, version=version)) == expected


def test_what_is_no_certificate_is_a_value_error() -> None:
    whole = certificate(element(0x17, b"210203040506Z"))
    upto = whole.index(b"210203040506Z")

    for length in range(upto):
        with pytest.raises(ValueError):  # noqa: PT011  # of strptime or ours, it is the same to the caller
            not_after(whole[:length])


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://u:p@db/app", [("db", 5432)]),
        ("host=db port=6000", [("db", 6000)]),
        ("host=name hostaddr=192.0.2.1", [("192.0.2.1", 5432)]),
        ("host=a,b port=1,2", [("a", 1), ("b", 2)]),
        ("host=a,b port=7", [("a", 7), ("b", 7)]),
        ("host=a,/run,b port=1,2,", [("a", 1), ("b", 5432)]),
        ("postgresql://[::1]:6000/app", [("::1", 6000)]),
        ("host=/run/postgresql", []),
        ("host=@abstract", []),
        ("dbname=app", []),
    ],
)
def test_addresses_are_those_that_libpq_would_try(
    monkeypatch: pytest.MonkeyPatch, dsn: str, expected: list[tuple[str, int]]
) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)

    assert addresses(dsn) == expected


def test_what_the_connection_string_lacks_is_libpqs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db")
    monkeypatch.setenv("PGPORT", "7000")

    assert addresses("") == [("db", 7000)]
    assert addresses("port=1") == [("db", 1)]
