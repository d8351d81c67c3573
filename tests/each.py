"""One test for many things: a test of its own for each of hundreds takes longer than what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from mixin.rules import Rule

T = TypeVar("T")


def name_of(thing: object) -> str:
    """A rule by name and severity, anything else as it is written."""
    return f"{thing.name} {thing.labels.get('severity', '')}" if isinstance(thing, Rule) else str(thing)


def each(things: Iterable[T]) -> Callable[[Callable[[T], None]], Callable[[], None]]:
    """Makes a test of a check of one thing: it looks at all of them, and lists those that fail."""

    every = list(things)

    def decorate(check: Callable[[T], None]) -> Callable[[], None]:
        def test() -> None:
            failed = {}
            for thing in every:
                try:
                    check(thing)
                except AssertionError as error:
                    failed[name_of(thing)] = str(error)
            assert not failed, "\n\n".join(f"{name}: {why}" for name, why in failed.items())

        test.__name__ = check.__name__
        test.__doc__ = check.__doc__
        return test

    return decorate
