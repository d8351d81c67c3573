"""Asks the running exporter whether it is alive, for container health checks.

It reads the section `web` of the same flags, variables and files as the exporter, and nothing else of them: a
probe that runs every few seconds must be quick, and must not fail for what a database's settings say.
"""

from __future__ import annotations

from argparse import _ArgumentGroup
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from exporter.settings import load_web

if TYPE_CHECKING:
    from exporter.cli._options import Options
    from exporter.settings import Settings


def add_options(group: _ArgumentGroup) -> None:
    """There are none beyond the settings."""


def run(settings: Settings, options: Options) -> int:  # noqa: ARG001  # a command's shape
    """As `run_quickly`; what the settings say beyond the section `web` is not looked at."""
    return run_quickly(options.argv, options.environ)


def run_quickly(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Asks `/-/healthy` of the address that the exporter listens on; one line says how it went.

    Args:
        argv: the flags, without the program's name and the command.
        environ: the variables.

    Returns:
        0 if it answers, else 1.

    Raises:
        SettingsError: the section `web` is wrong.
    """
    from exporter.http.asking import NotHealthyError, ask  # noqa: PLC0415  # --help needs none of it

    try:
        print(ask(load_web(argv, environ)))
    except NotHealthyError as error:
        print(error)
        return 1
    return 0
