"""Compares another exporter's page with ours: what a switch to this one would lose."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentTypeError, _ArgumentGroup
from typing import TYPE_CHECKING

from exporter.cli._options import Options, add_target, of_target
from exporter.settings import Settings

if TYPE_CHECKING:
    from exporter.doctor.comparison.fetch import Address
    from exporter.doctor.comparison.verdict import Verdict

UNREACHABLE = 2


def add_options(group: _ArgumentGroup) -> None:
    """`URL`, `--json`, `--timeout`, `--verbose`: attributes of these names, `options.url` an address.

    `--target NAME`: as in `add_target`.
    """
    add_target(group)
    group.add_argument(
        "url",
        metavar="URL",
        type=_address,
        help="The other exporter's page: http://localhost:9187/metrics, with user:password@ if need be.",
    )
    group.add_argument("--json", action="store_true", help="Write JSON.")
    group.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="Seconds for each of the two pages (default: scrape.timeout_seconds).",
    )
    group.add_argument(
        "--verbose", action="store_true", help="List all missing metrics, and those only here."
    )


def run(settings: Settings, options: Options) -> int:
    """Compares the pages; 0 if nothing is missing on ours, 1 if something is, 2 if there is no other page.

    Raises:
        SettingsError: there is no such target.
    """
    from exporter.doctor.comparison.fetch import FetchError  # noqa: PLC0415
    from exporter.doctor.comparison.report import as_json, lines  # noqa: PLC0415
    from exporter.log import configure_logging  # noqa: PLC0415

    configure_logging("error", settings.log.format)
    shown = options.url.shown
    try:
        verdict = asyncio.run(_verdict(of_target(settings, options.target), options))
    except FetchError as error:
        print(f"datastack-exporter: {error}", file=sys.stderr)
        return UNREACHABLE
    if options.json:
        print(as_json(shown, verdict))
    else:
        print("\n".join(lines(shown, verdict, verbose=options.verbose)))
    return 0 if verdict.complete else 1


async def _verdict(settings: Settings, options: Options) -> Verdict:
    from exporter.doctor.comparison.catalogue import Catalogue, release_of  # noqa: PLC0415
    from exporter.doctor.comparison.fetch import FetchError, fetch  # noqa: PLC0415
    from exporter.doctor.comparison.own import own_page  # noqa: PLC0415
    from exporter.doctor.comparison.page import read  # noqa: PLC0415
    from exporter.doctor.comparison.verdict import judge  # noqa: PLC0415
    from exporter.model.deadline import Deadline  # noqa: PLC0415

    seconds = options.timeout or settings.scrape.timeout_seconds
    theirs = read(await fetch(options.url, Deadline.after(seconds)))
    if not theirs.families:
        raise FetchError(f"{options.url.shown}: there is no metric on that page; is the path right?")
    text, outcomes = await own_page(settings, options.collectors, seconds)
    ours = read(text)
    on, release = settings.enabled_collectors(), release_of(theirs)
    catalogue = Catalogue(options.collectors, on, outcomes, ours.families, release)
    return judge(theirs, ours, catalogue.why_missing)


def _address(text: str) -> Address:
    from exporter.doctor.comparison.fetch import Address  # noqa: PLC0415

    try:
        return Address(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 86_400:
        raise ArgumentTypeError("expected seconds from above 0 to 86400")
    return seconds
