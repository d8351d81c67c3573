"""Serves a PostgreSQL and a Redis of its own, with a small workload."""

from __future__ import annotations

from argparse import _ArgumentGroup

from exporter.cli._options import Options
from exporter.settings import Settings


def add_options(group: _ArgumentGroup) -> None:
    """There are none beyond the settings."""


def run(settings: Settings, options: Options) -> int:
    """Serves a PostgreSQL and a Redis of its own, with a small workload."""
    raise NotImplementedError
