"""Checks the deployed chain: exporter, Prometheus, rules, Alertmanager, receivers, Grafana."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError, _ArgumentGroup
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.cli._options import Options
from exporter.model.errors import SettingsError
from exporter.settings import Settings

if TYPE_CHECKING:
    from exporter.doctor.chain.verification import Plan

PROMETHEUS = "http://localhost:9090"
ALERTMANAGER = "http://localhost:9093"
SECONDS = 60.0


def add_options(group: _ArgumentGroup) -> None:
    """Attributes named like the options; addresses as text, folders as paths.

    `--json` and `--send` are true or false, `--timeout` is a number.
    """
    _add_addresses(group)
    group.add_argument(
        "--rules", type=_folder, metavar="FOLDER", help="Compare the rules with the files in this folder."
    )
    group.add_argument(
        "--dashboards",
        type=_folder,
        metavar="FOLDER",
        help="Compare the dashboards with those in this folder.",
    )
    group.add_argument(
        "--send", action="store_true", help="Send a test alert to each receiver. It wakes who is on call."
    )
    group.add_argument(
        "--timeout",
        type=_seconds,
        default=SECONDS,
        metavar="SECONDS",
        help=f"Seconds for each server, and with --send for the notifications (default: {SECONDS:g}).",
    )
    group.add_argument("--json", action="store_true", help="Write JSON.")


def _add_addresses(group: _ArgumentGroup) -> None:
    login = "perhaps with user:password@"
    for name, default in (("Prometheus", PROMETHEUS), ("Alertmanager", ALERTMANAGER)):
        text = f"{name}'s address, {login} (default: {default})."
        group.add_argument(f"--{name.lower()}", type=_address, default=default, metavar="URL", help=text)
    group.add_argument(
        "--grafana", type=_address, metavar="URL", help=f"Grafana's address, {login}; else it is left out."
    )
    group.add_argument(
        "--grafana-token-file", type=Path, metavar="FILE", help="A file with a token of a service account."
    )


def run(settings: Settings, options: Options) -> int:
    """Looks at the chain; 0 if nothing is wrong (advice is not wrong), else 1.

    Raises:
        SettingsError: the token can't be read.
    """
    from exporter.doctor.chain.verification import Verification  # noqa: PLC0415
    from exporter.doctor.report import as_json, healthy, lines  # noqa: PLC0415
    from exporter.log import configure_logging  # noqa: PLC0415

    plan = _plan(options)
    configure_logging("error", settings.log.format)
    families = {name: str(named.family) for name, named in options.collectors.items()}
    findings = Verification(plan, families, _progress).run()
    print(as_json(findings) if options.json else "\n".join(lines(findings)))
    return 0 if healthy(findings) else 1


def _plan(options: Options) -> Plan:
    from exporter.doctor.chain.verification import Plan  # noqa: PLC0415

    return Plan(
        prometheus=options.prometheus,
        alertmanager=options.alertmanager,
        grafana=options.grafana,
        token=_token(options.grafana_token_file),
        rules=options.rules,
        dashboards=options.dashboards,
        send=options.send,
        seconds=options.timeout,
    )


def _token(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingsError([f"--grafana-token-file: can't be read: {error}"]) from None
    if not token.isprintable() or not token.isascii() or not token:
        raise SettingsError(["--grafana-token-file: expected a file with one line, the token"])
    return token


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _address(text: str) -> str:
    from exporter.doctor.chain.client import checked  # noqa: PLC0415

    try:
        checked(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return text


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise ArgumentTypeError("expected a folder")
    return folder


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 3600:
        raise ArgumentTypeError("expected seconds from 1 to 3600")
    return seconds
