"""What a value must look like."""

from __future__ import annotations

import re
from contextlib import suppress

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from exporter.settings import checks
from tests.examples import examples

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9188", ("127.0.0.1", 9188)),
        (":9188", ("", 9188)),
        ("[::1]:9188", ("::1", 9188)),
        ("[::]:0", ("::", 0)),
        ("my-host.example:65535", ("my-host.example", 65535)),
    ],
)
def test_a_listen_address_is_taken_apart(text, expected) -> None:
    assert checks.split_listen_address(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "9188", "host", "host:", "host:65536", "::1:9188", "[x]:1", "[]:1", "h:1 ", "http://h:1", "h:٣"],
)
def test_a_wrong_listen_address_is_refused(text) -> None:
    with pytest.raises(ValueError, match="expected"):
        checks.listen_address(text)


@pytest.mark.parametrize("text", ["/metrics", "/a/b-c.d_e~"])
def test_a_telemetry_path_is_a_plain_path(text) -> None:
    assert checks.telemetry_path(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "/", "metrics", "/a b", "/a?b", "/-/ready", "/api/v1", "/probe", "/discovery", "//h/x", "/a/"],
)
def test_a_wrong_telemetry_path_is_refused(text) -> None:
    with pytest.raises(ValueError, match="expected"):
        checks.telemetry_path(text)


@given(st.dictionaries(st.sampled_from(["user", "password", "host", "dbname"]), TEXT))
@settings(deadline=None)
def test_what_libpq_writes_is_accepted(parts) -> None:
    text = make_conninfo(**parts)

    assert checks.conninfo(text) == text


PAIRS = st.lists(st.sampled_from([*"=' \\\nx", "user", "password"])).map("".join)
URIS = st.text("%1:/@?=&abh[]", max_size=30).map(lambda text: f"postgresql://{text}")


@given(PAIRS | URIS)
@examples(1000)
def test_nothing_is_refused_that_libpq_can_parse(text) -> None:
    with suppress(psycopg.ProgrammingError, UnicodeDecodeError):
        conninfo_to_dict(text)
        checks.conninfo(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3cret",
        "my s3cret",
        "password='s3cret",
        "a=b s3cret",
        "mysql://s3cret",
        "postgresql://u:100%s3cret@h",
    ],
)
def test_a_wrong_dsn_is_refused_without_quoting_it(text) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        checks.conninfo(text)

    assert "s3cret" not in str(caught.value)


def test_a_long_wrong_dsn_costs_no_time() -> None:
    for text in ("a=b " * 20_000 + "'", "a='" + "\\'" * 20_000, "a\\" * 20_000):
        with pytest.raises(ValueError, match="expected"):
            checks.conninfo(text)


@given(st.lists(st.from_regex(r"[a-z]{1,4}(\{1,2\})?(\([a,]\))?(\[[a,]\])?", fullmatch=True)))
def test_a_list_comes_back_from_its_commas(items) -> None:
    assert checks.as_list(",".join(items)) == items
    assert all(re.compile(item) for item in items)
