"""Keeps how fast statements are, and compares: before and after a release, an index, a setting."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from argparse import _ArgumentGroup
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from exporter.cli._analysis import positive, server_of
from exporter.cli._options import Options, add_target, of_target
from exporter.model.errors import ExporterError, SettingsError
from exporter.settings import Settings

if TYPE_CHECKING:
    from exporter.analysis.baseline.snapshot import Baseline
    from exporter.analysis.baseline.store import Store

SECONDS = 60.0
READ_SECONDS = 60.0
NOW = "now"
WORSE, FAILED = 1, 2


def add_options(group: _ArgumentGroup) -> None:
    """`ACTION [NAME ...]`: `options.action`, `options.names`; attributes named like the other options."""
    add_target(group)
    group.add_argument(
        "action",
        choices=("create", "compare", "show"),
        metavar="create|compare|show",
        help=(
            "create: measure, and keep it; the last ten of a target stay. compare [A [B]]: the newest two, A"
            " with now, or A with B; exit code 1 if it got worse, 2 if it can't be compared. show [NAME]:"
            " what there is."
        ),
    )
    group.add_argument("names", nargs="*", default=[], metavar="NAME", help="Names of baselines.")
    group.add_argument("--name", help="What to call the new one (default: the time).")
    group.add_argument(
        "--seconds",
        type=positive,
        metavar="SECONDS",
        help=f"How long to measure (default: {SECONDS:g}, or as long as the baseline that is compared).",
    )
    group.add_argument(
        "--lifetime", action="store_true", help="All that the statistics have counted, without waiting."
    )
    group.add_argument("--format", choices=("text", "json"), default="text", help="Default: text.")


def run(settings: Settings, options: Options) -> int:
    """Does what the action says; 0, or 1 if a comparison found it worse, or 2 if there is none to be had.

    Raises:
        SettingsError: there is no such target, no PostgreSQL server, or too many names.
    """
    from exporter.analysis.baseline.store import Store, folder_of  # noqa: PLC0415
    from exporter.log import configure_logging  # noqa: PLC0415

    configure_logging("error", settings.log.format)
    settings = of_target(settings, options.target)
    act, most = {"create": (_create, 0), "compare": (_compare, 2), "show": (_show, 1)}[options.action]
    if len(options.names) > most:
        raise SettingsError([f"baseline {options.action}: expected {most} name(s) at most"])
    try:
        store = Store(folder_of(settings.analysis.directory, os.environ), options.target)
        return act(settings, options, store)
    except SettingsError:
        raise
    except ExporterError as error:
        print(f"datastack-exporter: {error}", file=sys.stderr)
        return FAILED


def _create(settings: Settings, options: Options, store: Store) -> int:
    from exporter.analysis.baseline.document import baseline_document  # noqa: PLC0415

    name = options.name or datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    if name == NOW:
        raise SettingsError(
            [f"baseline create: {NOW} is what compare calls this moment; choose another --name"]
        )
    store.check(name)
    seconds = None if options.lifetime else options.seconds or SECONDS
    baseline = asyncio.run(_measured(settings, name, seconds))
    path = store.save(baseline)
    if options.format == "json":
        print(json.dumps(baseline_document(baseline), indent=2))
        return 0
    from exporter.cli._baseline_text import write_baseline  # noqa: PLC0415
    from exporter.cli._terminal import console  # noqa: PLC0415

    write_baseline(console(), baseline)
    print(f"kept in {path}")
    return 0


def _compare(settings: Settings, options: Options, store: Store) -> int:
    from exporter.analysis.baseline.comparison import Verdict, compare  # noqa: PLC0415
    from exporter.analysis.baseline.document import comparison_document  # noqa: PLC0415

    comparison = compare(*_both(settings, options, store))
    if options.format == "json":
        print(json.dumps(comparison_document(comparison), indent=2))
    else:
        from exporter.cli._baseline_text import write_comparison  # noqa: PLC0415
        from exporter.cli._terminal import console  # noqa: PLC0415

        write_comparison(console(), comparison)
    return {Verdict.WORSE: WORSE, Verdict.NOT_COMPARABLE: FAILED}.get(comparison.verdict, 0)


def _both(settings: Settings, options: Options, store: Store) -> tuple[Baseline, Baseline]:
    """What is compared: before and after."""
    if not options.names:
        return store.newest_two()
    before = store.load(options.names[0])
    if len(options.names) == 2 and options.names[1] != NOW:
        return before, store.load(options.names[1])
    lifetime = options.lifetime or (before.lifetime and options.seconds is None)
    seconds = None if lifetime else options.seconds or before.seconds or SECONDS
    return before, asyncio.run(_measured(settings, NOW, seconds))


def _show(_settings: Settings, options: Options, store: Store) -> int:
    from exporter.analysis.baseline.document import baseline_document  # noqa: PLC0415

    chosen = [store.load(name) for name in options.names] or store.all()
    if options.format == "json":
        documents = [baseline_document(baseline) for baseline in chosen]
        if not options.names:
            documents = [{k: v for k, v in one.items() if k != "statements"} for one in documents]
        print(json.dumps(documents[0] if options.names else documents, indent=2))
        return 0
    from exporter.cli._baseline_text import write_baseline, write_list  # noqa: PLC0415
    from exporter.cli._terminal import console  # noqa: PLC0415

    if options.names:
        write_baseline(console(), chosen[0])
    else:
        write_list(console(), chosen, str(store.folder))
    return 0


async def _measured(settings: Settings, name: str, seconds: float | None) -> Baseline:
    """A stretch of time from now on, or the lifetime of the statistics if `seconds` is None."""
    from exporter.analysis.baseline.snapshot import between, lifetime  # noqa: PLC0415
    from exporter.cli._terminal import wait  # noqa: PLC0415
    from exporter.facts.moment import read_moment  # noqa: PLC0415
    from exporter.model.deadline import Deadline  # noqa: PLC0415

    server = server_of(settings)
    try:
        first = await read_moment(server, Deadline.after(READ_SECONDS))
        if seconds is None:
            return lifetime(first, name=name, target=server.address)
        await wait(seconds, f"measuring {server.address}")
        second = await read_moment(server, Deadline.after(READ_SECONDS))
        return between(first, second, name=name, target=server.address)
    finally:
        await server.close()
