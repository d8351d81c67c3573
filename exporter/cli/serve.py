"""Serves the metrics until it is told to stop."""

from __future__ import annotations

from argparse import _ArgumentGroup

from exporter.cli._options import Options
from exporter.settings import Settings


def add_options(group: _ArgumentGroup) -> None:
    """There are none beyond the settings."""


def run(settings: Settings, options: Options) -> int:
    """Serves the metrics until it is told to stop."""
    from exporter.cli import _systemd  # noqa: PLC0415
    from exporter.daemon import serve  # noqa: PLC0415

    told = _systemd.beside(options.environ, f"serving on {settings.web.listen_address}")
    return serve(options.load, settings, options.collectors, beside=told)
