"""How often one may ask, who counts as one, and what is remembered of them."""

from __future__ import annotations

import pytest

from exporter.http.api.rates import MOST_CALLERS, Rates, place_of


async def test_each_has_a_limit_of_its_own() -> None:
    rates = Rates(3)
    assert [await rates.of("alice") for _ in range(3)] == [None] * 3
    wait = await rates.of("alice")
    assert wait is not None
    assert 1 <= wait <= 61
    assert await rates.of("bob") is None
    assert await rates.unknown("alice") is None


async def test_an_address_may_be_that_of_many() -> None:
    rates = Rates(3)
    assert [await rates.before("192.0.2.1") for _ in range(30)] == [None] * 30
    assert await rates.before("192.0.2.1") is not None


async def test_callers_beyond_a_number_share_one_count() -> None:
    rates = Rates(2)
    assert await rates.unknown("first") is None
    for number in range(MOST_CALLERS + 10):
        await rates.unknown(f"caller {number}")
    assert len(rates._storage.storage) <= MOST_CALLERS + 1
    assert await rates.unknown("somebody new") is not None
    assert await rates.unknown("first") is None


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", "others"),
        ("unix:", "others"),
        ("x" * 10_000, "others"),
    ],
)
def test_who_counts_as_one(address: str, place: str) -> None:
    assert place_of(address) == place
