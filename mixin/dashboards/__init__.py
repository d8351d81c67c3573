"""Grafana's dashboards: one module, one dashboard.

A module whose name does not begin with `_` is a dashboard. Its `build()` returns a Board; its name is that of
the file in `grafana/dashboards/` and the end of the uid (`datastack-<name>`).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from mixin.dashboards import _sdk  # noqa: F401 - before all that imports the SDK
from mixin.dashboards._board import Board
from mixin.dashboards._finish import text
from mixin.rules import ROOT

FOLDER = ROOT / "grafana" / "dashboards"


def names() -> list[str]:
    """The dashboards that there are, by listing this folder."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def board(name: str) -> Board:
    """A dashboard as described by its module.

    Raises:
        LookupError: it draws an alert that no rule file has.
    """
    made: Board = import_module(f"{__name__}.{name}").build()
    return made


def generate() -> Mapping[Path, str]:
    """Every file of `grafana/dashboards/` with the text that belongs into it.

    Raises:
        LookupError: a dashboard draws an alert that no rule file has; the message names both.
    """
    files = {}
    for name in names():
        try:
            files[FOLDER / f"{name}.json"] = text(name, board(name))
        except LookupError as missing:
            raise LookupError(f"dashboard {name}: {missing}") from None
    return files
