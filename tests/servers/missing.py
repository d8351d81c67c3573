"""What a test does when something that it needs is not on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import pytest

P = ParamSpec("P")
T = TypeVar("T")


class Missing(Exception):
    """Something is not on this machine; the message says what, and the command that gets it."""


def require(find: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `find` finds; where it raises `Missing` the test is skipped with the reason.

    Under `CI=true` it fails instead: a machine that is meant to have everything must not test less.
    """
    try:
        return find(*args, **kwargs)
    except Missing as missing:
        absent(str(missing))


def absent(reason: str) -> NoReturn:
    """Skips the test, or fails it under `CI=true`."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
