"""The address of the other page: what is sent, and what is shown."""

from __future__ import annotations

from base64 import b64decode

import pytest

from exporter.doctor.comparison.fetch import Address


def authorization(url: str) -> str | None:
    header = Address(url).request().unredirected_hdrs.get("Authorization")
    return None if header is None else b64decode(header.removeprefix("Basic ")).decode()


def test_user_and_password_are_sent_and_not_shown() -> None:
    url = "https://me:s%40cret@h:1/p?token=abc#x"
    address = Address(url)

    assert address.shown == "https://h:1/p"
    assert authorization(url) == "me:s@cret"
    assert address.request().full_url == "https://h:1/p?token=abc"
    assert authorization("http://h/p") is None


def test_ipv6() -> None:
    assert Address("http://[::1]:9187/metrics").request().full_url == "http://[::1]:9187/metrics"


@pytest.mark.parametrize(
    "url",
    ["", "localhost:9187", "ftp://h/", "file:///etc/passwd", "http://", "http://u:secret@h:x/", "http://["],
)
def test_what_is_no_address_is_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="expected an address") as error:
        Address(url)
    assert "secret" not in str(error.value)
