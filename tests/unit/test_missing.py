from __future__ import annotations

import pytest

from tests.servers import Missing, require


def find(there: bool, *, name: str) -> str:
    if not there:
        raise Missing(f"{name} is not there: run `get {name}`")
    return name


def test_what_is_there_is_handed_out() -> None:
    assert require(find, True, name="a server") == "a server"


def test_what_is_missing_skips_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="run `get x`"):
        require(find, False, name="x")


def test_under_ci_what_is_missing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="run `get x`"):
        require(find, False, name="x")
