"""Checks the configuration and every target, and names what is missing."""

from __future__ import annotations

from argparse import _ArgumentGroup

from exporter.cli._options import Options
from exporter.settings import Settings


def add_options(group: _ArgumentGroup) -> None:
    """`--json`: `options.json` is true."""
    group.add_argument("--json", action="store_true", help="Write JSON.")


def run(settings: Settings, options: Options) -> int:
    """Checks the configuration and every target; 0 only when all is well."""
    raise NotImplementedError
