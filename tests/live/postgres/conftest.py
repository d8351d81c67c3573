"""Servers that several modules here share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.postgres.plan_servers import ServerOf, shops


@pytest.fixture(scope="session")
def shop_of() -> Iterator[ServerOf]:
    """shop_of(15): a quiet server with a shop, started at the first call. Leave it as it was found."""
    with shops() as of:
        yield of
