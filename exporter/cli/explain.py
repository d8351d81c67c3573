"""Shows what a collector would run against this target, and why it is on, off or skipped."""

from __future__ import annotations

import asyncio
from argparse import _ArgumentGroup

from exporter.cli._options import Options
from exporter.model.errors import SettingsError
from exporter.settings import Settings


def add_options(group: _ArgumentGroup) -> None:
    """`[COLLECTOR]`: `options.name` is its name, None for all."""
    group.add_argument("name", nargs="?", metavar="COLLECTOR", help="Explain this one only.")


def run(settings: Settings, options: Options) -> int:
    """Shows what a collector, or each, would run.

    Raises:
        SettingsError: no collector has that name.
    """
    from exporter.doctor.explanation import explain  # noqa: PLC0415
    from exporter.doctor.explanation_text import lines  # noqa: PLC0415
    from exporter.log import configure_logging  # noqa: PLC0415
    from exporter.settings.given import did_you_mean  # noqa: PLC0415

    names = list(options.collectors) if options.name is None else [options.name]
    listed = ", ".join(options.collectors)
    if options.name is not None and options.name not in options.collectors:
        hint = did_you_mean(options.name, options.collectors)
        raise SettingsError([f"explain: no such collector{hint or f'; there are: {listed}'}"])
    configure_logging("error", settings.log.format)
    explanations = asyncio.run(explain(settings, options.collectors, names))
    print("\n".join(lines(explanations)))
    return 0
