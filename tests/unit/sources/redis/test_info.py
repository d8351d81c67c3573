from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.sources.redis import Info
from exporter.sources.redis.info import key_values, number, product, version, written
from tests.replay_redis import RECORDINGS, info_text

TEXT = "# Server\r\nredis_version:7.0.15\r\nhz:10\r\n\r\n# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=5\r\n"

LINES = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(["# Server", "#", "# ", ":", "a:", ":b", "a:b:c", "db0:keys=1,,=,x=", "\x00:\ud800"]),
    )
)


def test_fields_are_found_by_name_whatever_the_section() -> None:
    info = Info(TEXT)
    assert info.get("redis_version") == "7.0.15"
    assert info.number("hz") == 10
    assert info.get("absent", "-") == "-"
    assert info.number("absent") is None
    assert info.number("redis_version") is None


def test_sections_are_found_in_any_case() -> None:
    info = Info(TEXT)
    assert dict(info.section("KEYSPACE")) == {"db0": "keys=1,expires=0,avg_ttl=5"}
    assert not info.section("Stats")


def test_line_ends_of_both_kinds_and_a_value_with_colons() -> None:
    assert Info("a:1\nb:2\r\nexecutable:C:/x").fields == {"a": "1", "b": "2", "executable": "C:/x"}


def test_of_a_field_that_comes_twice_the_first_stays() -> None:
    info = Info(
        "# Cluster\r\ncluster_enabled:1\r\n# Cluster Info\r\ncluster_enabled:0\r\n# Cluster\r\nmore:1"
    )
    assert info.get("cluster_enabled") == "1"
    assert dict(info.section("cluster")) == {"cluster_enabled": "1", "more": "1"}


def test_pairs_are_by_name_and_taken_apart_once() -> None:
    info = Info(TEXT)
    pairs = info.pairs("keyspace", "db")
    assert pairs == {"0": {"keys": "1", "expires": "0", "avg_ttl": "5"}}
    assert info.pairs("keyspace", "db") is pairs
    assert info.pairs("keyspace", "no") == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-1", -1),
        ("1.5", 1.5),
        ("1e3", 1000),
        ("ok", 1),
        ("true", 1),
        ("err", 0),
        ("fail", 0),
        ("inf", float("inf")),
        ("18446744073709551615", 2**64 - 1),
        ("nan", None),
        ("-nan", None),
        ("", None),
        ("1.50G", None),
        ("noeviction", None),
        ("²", None),
        (None, None),
    ],
)
def test_numbers_and_what_is_none(text: str | None, value: float | None) -> None:
    assert number(text) == value


@given(LINES)
@example(["# Keyspace", "db0:keys"])
def test_whatever_comes_it_is_read_and_never_raises(lines: list[str]) -> None:
    for end in ("\r\n", "\n"):
        info = Info(end.join(lines))
        for field in info.fields:
            info.number(field)
        for section in ("", "server", "keyspace"):
            info.pairs(section, "")


@given(st.text())
def test_no_text_makes_a_number_or_its_pairs_raise(text: str) -> None:
    value = number(text)
    assert value is None or not math.isnan(value)
    key_values(text)


@given(st.integers(0, 6000))
def test_a_text_that_was_cut_off_gives_what_came(cut: int) -> None:
    text = info_text("7.0")[:cut]
    whole, part = Info(info_text("7.0")), Info(text)
    torn = text.rpartition("\n")[2].partition(":")[0]
    for field in part.fields.keys() - {torn}:
        assert part.get(field) == whole.get(field)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("redis_version:8.2.3", ("Redis", "8.2.3")),
        ("redis_version:7.2.4\nvalkey_version:9.0.1", ("Valkey", "9.0.1")),
        ("redis_version:6.3.4\n# KeyDB\nmvcc_depth:0", ("KeyDB", "6.3.4")),
        ("redis_version:7.4.0\ndragonfly_version:df-v1.30.0", ("Dragonfly", "1.30.0")),
        ("", ("Redis", "")),
    ],
)
def test_which_server_it_is(text: str, found: tuple[str, str]) -> None:
    assert product(Info(text)) == found


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("8.1.0-rc1", (8, 1)),
        ("10", (10,)),
        ("255.255.255", (255, 255)),
        ("", ()),
        ("x.1", ()),
        ("9" * 50, ()),
    ],
)
def test_versions_as_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert version(text) == numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", "12"), ("1.50", 1.5), ("ok", 1), ("x", None), ("9" * 400, math.inf), (None, None)],
)
def test_whole_numbers_stay_text_for_the_page(text: str | None, value: float | str | None) -> None:
    assert written(text) == value


@pytest.mark.parametrize("recording", RECORDINGS)
def test_what_real_servers_say_is_read(recording: str) -> None:
    info = Info(info_text(recording))
    assert info.get("redis_version").startswith(recording[:3])
    assert len(info.fields) > 110
    sentinel = info.get("redis_mode") == "sentinel"  # which keeps no statistics of commands
    assert sentinel or info.pairs("commandstats", "cmdstat_")["ping"]["calls"]
