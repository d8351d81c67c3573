"""The client of `verify`, and what is wrong with its command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.cli import main
from exporter.doctor.chain.client import ApiError, checked
from tests.unit.doctor.canned import Canned, api_of, running


@pytest.fixture
def server() -> Iterator[Canned]:
    with running() as canned:
        yield canned


def test_a_redirect_is_not_followed_with_a_password(server: Canned) -> None:
    server.replies = {"/a": (302, {"Location": "/b"}, b""), "/b": (200, {}, b"{}")}

    with pytest.raises(ApiError, match="answered 302: it stands elsewhere; give that address"):
        api_of(server, "me:s3cret@").json("/a")
    assert [path for path, _ in server.asked] == ["/a"]


def test_credentials_are_sent_and_never_said(server: Canned) -> None:
    server.replies = {"/a": (200, {}, b"{}"), "/b": (401, {}, b""), "/c": (200, {}, b"<html>")}
    api = api_of(server, "me:s3cret@")

    assert api.json("/a", q="1 2") == {}
    for path, words in (("/b", "user and password are missing or wrong"), ("/c", "no JSON")):
        with pytest.raises(ApiError, match=words) as error:
            api.json(path)
        assert "s3cret" not in str(error.value)
    api_of(server, token="glsa_x").json("/a")
    assert server.asked[0] == ("/a?q=1+2", "Basic bWU6czNjcmV0")
    assert server.asked[-1] == ("/a", "Bearer glsa_x")


def test_an_answer_that_does_not_end_is_given_up(server: Canned) -> None:
    server.replies = {"/slow": (200, {"Content-Length": "10"}, b"{")}

    with pytest.raises(ApiError, match=r"no answer in time|timed out"):
        api_of(server, seconds=0.2).json("/slow")


@pytest.mark.parametrize("base", ["localhost:9090", "ftp://h", "http://h/?a=s3cret", "http://u:s3cret@h:x"])
def test_what_is_no_address_is_not_repeated(base: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="expected an address") as error:
        checked(base)
    assert "s3cret" not in str(error.value)

    assert main(["verify", f"--prometheus={base}"]) == 2
    assert "argument --prometheus: expected an address like" in (err := capsys.readouterr().err)
    assert "s3cret" not in err


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--timeout=0", "expected seconds from 1 to 3600"),
        ("--rules=/no/such", "expected a folder"),
        ("--grafana-token-file=/no/such", "--grafana-token-file: can't be read"),
        ("--grafana-token-file=/dev/null", "expected a file with one line, the token"),
    ],
)
def test_what_is_wrong_with_the_command_line(argument: str, words: str, capsys) -> None:
    assert main(["verify", argument]) == 2
    assert words in capsys.readouterr().err
