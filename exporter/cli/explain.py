"""Shows what a collector would run against this target, and why it is on, off or skipped."""

from __future__ import annotations

from argparse import _ArgumentGroup

from exporter.cli._options import Options
from exporter.settings import Settings


def add_options(group: _ArgumentGroup) -> None:
    """`[COLLECTOR]`: `options.name` is its name, None for all."""
    group.add_argument("name", nargs="?", metavar="COLLECTOR", help="Explain this one only.")


def run(settings: Settings, options: Options) -> int:
    """Shows what a collector, or each, would run."""
    raise NotImplementedError
