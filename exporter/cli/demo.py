"""Serves a PostgreSQL and a Redis of its own, with a small workload."""

from __future__ import annotations

import shlex
import sys
from argparse import _ArgumentGroup
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.cli import PROGRAM
from exporter.cli._options import Options
from exporter.settings import Settings

if TYPE_CHECKING:
    from exporter.demo import DemoStack


def add_options(group: _ArgumentGroup) -> None:
    """There are none beyond the settings."""


def run(settings: Settings, options: Options) -> int:
    """Serves the demo, or the targets that are configured: then no demo starts.

    What is changed in the configuration while the demo runs takes effect at a reload, except for the
    targets: those stay the demo's.
    """
    from exporter.daemon import serve  # noqa: PLC0415

    servers = (settings.postgres.dsn, settings.redis.address, settings.pgbouncer.dsn)
    if settings.targets or any(server is not None for server in servers):
        return serve(options.load, settings, options.collectors)

    from exporter.demo import DemoStack  # noqa: PLC0415  # brings the drivers and starts servers
    from exporter.demo.account import ServerFailed  # noqa: PLC0415
    from exporter.demo.binaries import BinariesMissing  # noqa: PLC0415

    try:
        with DemoStack() as demo:
            _greet(settings, demo.config)
            return serve(
                lambda: _with_demo(options.load(), demo),
                _with_demo(settings, demo),
                options.collectors,
                beside=(demo.run_workload,),
                pools=(demo.pool,),
            )
    except (BinariesMissing, ServerFailed) as error:
        print(f"the demo can't start: {error}", file=sys.stderr)
        return 1


def _with_demo(settings: Settings, demo: DemoStack) -> Settings:
    """The settings with the demo's servers as targets."""
    from pydantic import SecretStr  # noqa: PLC0415

    postgres = settings.postgres.model_copy(update={"dsn": SecretStr(demo.postgres_dsn)})
    redis = settings.redis.model_copy(update={"address": demo.redis_url})
    return settings.model_copy(update={"postgres": postgres, "redis": redis})


def _greet(settings: Settings, config: Path) -> None:
    # As it was called: `make run` puts it nowhere on PATH.
    program = sys.argv[0] if Path(sys.argv[0]).name == PROGRAM else PROGRAM
    host, port = settings.web.bind
    url = f"http://{host or 'localhost'}:{port}"
    print(
        "No target is configured: this is the demo, a PostgreSQL and a Redis of its own, and some work.\n"
        f"  metrics   {url}{settings.web.telemetry_path}\n"
        f"  overview  {url}/\n"
        f"  analysis  {shlex.quote(program)} analyze --observe 60 --config.file {shlex.quote(str(config))}\n"
        f"  your own  EXPORTER_POSTGRES__DSN=... EXPORTER_REDIS__ADDRESS=... {shlex.quote(program)} serve",
        flush=True,
    )
