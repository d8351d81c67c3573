"""How many examples a property is tried on."""

from __future__ import annotations

from typing import Any

from hypothesis import settings


def examples(count: int, **more: Any) -> settings:
    """Hypothesis's settings with so many examples, and a fifth of them in `make check`, as of all properties.

    Args:
        count: of examples in `make test`.
        more: other settings.
    """
    usual = settings.get_profile("default").max_examples
    return settings(max_examples=max(3, count * settings().max_examples // usual), deadline=None, **more)
