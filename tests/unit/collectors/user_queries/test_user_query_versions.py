"""Version ranges as postgres_exporter's runonserver has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.user_queries.versions import parse

V13, V15, V15_18, V16, V18 = 130000, 150000, 150018, 160002, 180001

RANGES: tuple[tuple[str, set[int]], ...] = (
    (">=13.0.0", {V13, V15, V15_18, V16, V18}),
    (">=15.0.0 <17.0.0", {V15, V15_18, V16}),
    (">= 15.0.0 < 17.0.0", {V15, V15_18, V16}),
    ("<15.0.0 || >=18.0.0", {V13, V18}),
    ("<=15", {V13, V15, V15_18}),
    (">15", {V16, V18}),
    ("15", {V15, V15_18}),
    ("15.x", {V15, V15_18}),
    ("=15.18.0", {V15_18}),
    ("==15.18.0", {V15_18}),
    ("!=15.18.0", {V13, V15, V16, V18}),
    ("!15.*", {V13, V16, V18}),
    (">=15.4.0", {V15_18, V16, V18}),
    (">=9.6 <10", set()),
    (">=14.0.0<16.0.0", {V15, V15_18}),
)


@pytest.mark.parametrize(("text", "allowed"), RANGES)
def test_which_servers_are_in(text: str, allowed: set[int]) -> None:
    versions = parse(text)

    assert versions is not None
    assert {number for number in (V13, V15, V15_18, V16, V18) if versions.allows(number)} == allowed


@pytest.mark.parametrize(
    "text", ["", " ", "||", ">=", "15 ||", "^15", "~15", "fifteen", ">=15.0.0.0", "15,16", "1\u096b"]
)
def test_what_is_no_range(text: str) -> None:
    assert parse(text) is None


@given(st.text(alphabet="<>=!|. x0159*^", max_size=30))
def test_no_text_raises(text: str) -> None:
    versions = parse(text)
    if versions is not None:
        versions.allows(V15_18)
