"""The command line: `datastack-exporter [COMMAND] [OPTIONS]`; the settings are options of every command.

One file in this folder is one command, found by listing it; the file's name is the command's, with a dash for
each underscore, and the first line of its docstring is its help. It has

    def add_options(group) -> None     the options beyond the settings, into an argparse group
    def run(settings: Settings, options: Options) -> int     the command itself; returns the exit code

What is wrong with the command line or the configuration goes to standard error, one line each, and the exit
code is 2. Modules here import what is heavy where they use it, so that `--version` and `--help` stay quick.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NoReturn

from exporter import __version__
from exporter.model.errors import SettingsError

if TYPE_CHECKING:
    from exporter.cli._options import Options
    from exporter.settings import Settings

PROGRAM = "datastack-exporter"
DEFAULT = "serve"
QUICK = "healthcheck"
"""The command that is run every few seconds: it needs neither collectors nor all settings."""
COMMANDS = tuple(sorted(m.name.replace("_", "-") for m in iter_modules(__path__) if m.name[0] != "_"))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the console script and `python -m exporter` call it.

    Args:
        argv: the arguments without the program's name; None for the process's own.

    Returns:
        The exit code: the command's, 2 when the configuration is wrong, 130 when interrupted.
    """
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except SettingsError as error:
        lines = "".join(f"  {finding}\n" for finding in error.findings)
        print(f"{PROGRAM}: the configuration is wrong:\n{lines}", end="", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has left: Python must not complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _run(argv: list[str]) -> int:
    if argv == ["--version"]:
        print(f"{PROGRAM} {__version__}")
        return 0
    if QUICK in argv and not {"-h", "--help", "--version"} & set(argv):
        from exporter.cli.healthcheck import run_quickly  # noqa: PLC0415

        return run_quickly([text for text in argv if text != QUICK], os.environ)
    from exporter.cli._options import Options  # noqa: PLC0415
    from exporter.settings.flags import Flags  # noqa: PLC0415

    options = Options.discovered(os.environ)
    given, rest = Flags(options.settings_type).split(argv)
    command, rest = _command(rest)
    module = _module(command)
    parser = _parser(command, module)
    if {"-h", "--help"} & set(rest):
        Flags(options.settings_type, parser)
        print(parser.format_help(), end="")
        return 0
    wrong: tuple[str, ...] = ()
    try:
        _, rest = parser.parse_known_args(rest, options)
    except SettingsError as error:
        wrong, rest = error.findings, []
    options.argv = [*given, *rest]
    return int(module.run(_load(options, wrong), options))


def _load(options: Options, wrong: Sequence[str]) -> Settings:
    """The settings, unless anything is wrong with them or with the command's own options."""
    try:
        settings = options.load()
    except SettingsError as error:
        raise SettingsError([*wrong, *error.findings]) from None
    if wrong:
        raise SettingsError(wrong)
    return settings


def _command(rest: list[str]) -> tuple[str, list[str]]:
    """The command, and what is left of the arguments without it."""
    word = next((text for text in rest if not text.startswith("-")), None)
    if word in COMMANDS:
        rest.remove(word)
        return word, rest
    if word is not None and rest[0] == word:
        from exporter.settings.given import did_you_mean  # noqa: PLC0415

        hint = did_you_mean(word, COMMANDS)
        raise SettingsError([f"the first argument is no command: expected {', '.join(COMMANDS)}{hint}"])
    return DEFAULT, rest


def _module(command: str) -> Any:
    return import_module(f"{__name__}.{command.replace('-', '_')}")


class _Parser(ArgumentParser):
    """Raises what is wrong, to be shown like everything else that is wrong."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError([message])


def _parser(command: str, module: Any) -> ArgumentParser:
    parser = _Parser(
        prog=f"{PROGRAM} {command}",
        usage=f"{PROGRAM} [COMMAND] [OPTIONS]",
        description=f"{command}: {_first_line(module)}\n\n{_commands()}",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    group = parser.add_argument_group(f"options of {command}")
    group.add_argument("-h", "--help", action="store_true", help="Show this help.")
    group.add_argument(
        "--version", action="version", version=f"{PROGRAM} {__version__}", help="Show the version."
    )
    module.add_options(group)
    return parser


def _commands() -> str:
    lines = (f"  {name:<17}{_first_line(_module(name))}\n" for name in COMMANDS)
    return f"commands (default: {DEFAULT}):\n{''.join(lines)}"


def _first_line(module: Any) -> str:
    return str(module.__doc__).partition("\n")[0]


_EPILOG = """\
Every setting is a flag (--web.listen-address), a variable (EXPORTER_WEB__LISTEN_ADDRESS) and a key of the
YAML file (web: {listen_address: ...}). A flag counts more than a variable, that more than the secrets folder,
that more than the file, that more than DATA_SOURCE_NAME, DATA_SOURCE_URI/USER/PASS, PGHOST, REDIS_ADDR ...
"""
