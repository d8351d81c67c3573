"""Shows what a collector would run against this target, and why it is on, off or skipped."""

from __future__ import annotations

import asyncio
from argparse import _ArgumentGroup

from exporter.cli._options import Options, add_target, of_target
from exporter.model.errors import SettingsError
from exporter.settings import Settings


def add_options(group: _ArgumentGroup) -> None:
    """`[COLLECTOR]`: `options.name` is its name, None for all. `--target NAME`: as in `add_target`."""
    add_target(group)
    group.add_argument("name", nargs="?", metavar="COLLECTOR", help="Explain this one only.")


def run(settings: Settings, options: Options) -> int:
    """Shows what a collector, or each, would run.

    Raises:
        SettingsError: no collector has that name, or no target.
    """
    from exporter.doctor.explanation import explain  # noqa: PLC0415
    from exporter.doctor.explanation_text import lines  # noqa: PLC0415
    from exporter.log import configure_logging  # noqa: PLC0415
    from exporter.settings.given import did_you_mean  # noqa: PLC0415

    names = None if options.name is None else [options.name]
    configure_logging("error", settings.log.format)
    explanations = asyncio.run(explain(of_target(settings, options.target), options.collectors, names))
    if not explanations:
        hint = did_you_mean(options.name or "", options.collectors)
        listed = ", ".join(options.collectors)
        raise SettingsError([f"explain: no such collector{hint or f'; there are: {listed}'}"])
    print("\n".join(lines(explanations)))
    return 0
