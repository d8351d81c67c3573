"""Serves the metrics until it is told to stop."""

from __future__ import annotations

from argparse import _ArgumentGroup

from exporter.cli._options import Options
from exporter.settings import Settings


def add_options(group: _ArgumentGroup) -> None:
    """There are none beyond the settings."""


def run(settings: Settings, options: Options) -> int:
    """Serves the metrics until it is told to stop."""
    from exporter.daemon import serve  # noqa: PLC0415

    return serve(options.load, settings, options.collectors)
