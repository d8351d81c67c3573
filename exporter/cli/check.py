"""Checks the configuration and every target, and names what is missing."""

from __future__ import annotations

import asyncio
from argparse import _ArgumentGroup

from exporter.cli._options import Options
from exporter.settings import Settings


def add_options(group: _ArgumentGroup) -> None:
    """`--json`: `options.json` is true."""
    group.add_argument("--json", action="store_true", help="Write JSON.")


def run(settings: Settings, options: Options) -> int:
    """Checks every target; 0 if nothing is wrong (advice is not wrong), else 1."""
    from exporter.doctor.examination import absent, examine  # noqa: PLC0415
    from exporter.doctor.report import as_json, healthy, lines  # noqa: PLC0415
    from exporter.log import configure_logging  # noqa: PLC0415

    configure_logging("error", settings.log.format)
    findings = asyncio.run(examine(settings, options.collectors))
    print(as_json(findings) if options.json else "\n".join(lines(findings, absent(settings))))
    return 0 if healthy(findings) else 1
