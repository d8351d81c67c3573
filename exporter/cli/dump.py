"""Scrapes once and writes the page to standard output."""

from __future__ import annotations

import asyncio
import sys
from argparse import _ArgumentGroup

from exporter.cli._options import Options, add_target, of_target
from exporter.model.deadline import Deadline
from exporter.model.errors import SettingsError
from exporter.settings import Settings


def add_options(group: _ArgumentGroup) -> None:
    """`--collector NAME`, any number of times: `options.collector` is a list, empty for all that are on.

    `--target NAME`: as in `add_target`.
    """
    add_target(group)
    group.add_argument(
        "--collector", action="append", default=[], metavar="NAME", help="Run this one only. Repeatable."
    )


def run(settings: Settings, options: Options) -> int:
    """Scrapes once and writes the page to standard output.

    Raises:
        SettingsError: no collector has that name, or no target.
    """
    from exporter.log import configure_logging  # noqa: PLC0415

    configure_logging("warning", settings.log.format)
    page = asyncio.run(_page(of_target(settings, options.target), options))
    sys.stdout.buffer.write(page)
    sys.stdout.buffer.flush()
    return 0


async def _page(settings: Settings, options: Options) -> bytes:
    from exporter.expose.text import TextEncoder  # noqa: PLC0415
    from exporter.http.selection import UnknownNameError, select  # noqa: PLC0415
    from exporter.stack import Stack  # noqa: PLC0415

    stack = Stack(settings, options.collectors)
    try:
        selection = select(options.collector, (), stack.engine.collectors, list(options.collectors.values()))
        await stack.engine.warm(Deadline.after(settings.scrape.timeout_seconds), selection)
        snapshot = await stack.scrape(Deadline.after(settings.scrape.timeout_seconds), selection)
    except UnknownNameError as error:
        raise SettingsError([f"--collector: {error}"]) from None
    finally:
        await stack.close()
    return b"".join(TextEncoder().encode(snapshot.tables))
