"""Finding the command, its options and the settings among the arguments."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

from exporter import __version__, cli
from exporter.cli import main
from exporter.cli._options import Options
from exporter.settings import Settings

COMMANDS = {"catalog", "check", "demo", "dump", "explain", "serve"}


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch) -> None:
    monkeypatch.setattr("os.environ", {})


@pytest.fixture
def ran(monkeypatch) -> list[tuple[str, Settings, Options]]:
    """What each run of a command was given; the commands themselves do nothing."""
    ran: list[tuple[str, Settings, Options]] = []

    def load(name: str) -> ModuleType:
        real = import_module(name)
        if not name.startswith("exporter.cli."):
            return real

        def run(settings: Settings, options: Options) -> int:
            ran.append((name.rpartition(".")[2], settings, options))
            return 7

        fake = ModuleType(name, real.__doc__)
        vars(fake).update(add_options=real.add_options, run=run)
        return fake

    monkeypatch.setattr(cli, "import_module", load)
    return ran


def test_each_file_is_a_command() -> None:
    assert set(cli.COMMANDS) >= COMMANDS


def test_every_command_has_a_line_of_help_and_the_two_functions() -> None:
    for name in cli.COMMANDS:
        module = import_module(f"exporter.cli.{name.replace('-', '_')}")
        assert str(module.__doc__).partition("\n")[0].endswith(".")
        assert callable(module.add_options)
        assert callable(module.run)


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        ([], "serve"),
        (["serve"], "serve"),
        (["--log.level", "debug"], "serve"),
        (["check", "--log.level=debug"], "check"),
        (["--log.level", "debug", "check", "--json"], "check"),
        (["--web.enable-reload", "demo"], "demo"),
        (["explain", "demo"], "explain"),
    ],
)
def test_the_first_word_that_is_no_value_is_the_command(ran, argv, command) -> None:
    assert main(argv) == 7

    assert [name for name, _, _ in ran] == [command]


def test_settings_may_stand_on_both_sides_of_the_command(ran) -> None:
    main(["--log.level", "debug", "serve", "--web.listen_address", ":1"])

    (_, settings, _) = ran[0]
    assert (settings.log.level, settings.web.listen_address) == ("debug", ":1")


def test_dump_takes_collectors(ran) -> None:
    main(["dump", "--collector", "stat_database", "--collector=loadavg", "--no-collector.loadavg"])

    (_, settings, options) = ran[0]
    assert options.collector == ["stat_database", "loadavg"]
    assert "loadavg" not in settings.enabled_collectors()
    assert "stat_database" in settings.enabled_collectors()


def test_the_options_of_the_other_commands(ran) -> None:
    main(["check", "--json"])
    main(["explain", "stat_database"])
    main(["explain"])
    main(["catalog", "--format", "json"])

    assert ran[0][2].json is True
    assert [ran[1][2].name, ran[2][2].name] == ["stat_database", None]
    assert ran[3][2].format == "json"


def test_the_settings_can_be_loaded_again(ran, tmp_path) -> None:
    file = tmp_path / "exporter.yml"
    file.write_text("log: {level: error}")
    main(["--config.file", str(file)])
    (_, settings, options) = ran[0]

    assert options.load() == settings
    file.write_text("log: {level: debug}")
    assert options.load().log.level == "debug"


def test_what_is_wrong_goes_to_standard_error_a_line_each(capsys) -> None:
    assert main(["catalog", "--format=xml", "--log.level=debgu"]) == 2

    out, err = capsys.readouterr()
    first, own, setting = err.splitlines()
    assert out == ""
    assert first == "datastack-exporter: the configuration is wrong:"
    assert own.startswith("  argument --format: invalid choice")
    assert setting.startswith("  log.level (flag --log.level): expected ")


def test_unknown_flags_and_stray_words_are_named(capsys) -> None:
    assert main(["check", "--jsn", "--web.listen-adress=s3cret", "s3cret"]) == 2

    assert capsys.readouterr().err.splitlines()[1:] == [
        "  flag --jsn: no such flag; --help lists all",
        "  flag --web.listen-adress: no such flag; did you mean --web.listen-address?",
        "  1 argument(s) belong to no flag: quote a value that holds spaces",
    ]


def test_an_unknown_command_is_named_with_the_nearest_one(capsys) -> None:
    assert main(["chekc"]) == 2

    finding = capsys.readouterr().err.splitlines()[1]
    assert finding.startswith("  the first argument is no command: expected analyze, ")
    assert finding.endswith("; did you mean check?")


def test_version(capsys) -> None:
    assert main(["--version"]) == 0

    assert capsys.readouterr().out == f"datastack-exporter {__version__}\n"


@pytest.mark.parametrize("argv", [["--help"], ["check", "-h"], ["--log.level=wrong", "catalog", "--help"]])
def test_help_lists_commands_options_and_settings(capsys, argv) -> None:
    assert main(argv) == 0

    out = capsys.readouterr().out
    for expected in (
        "usage: datastack-exporter [COMMAND] [OPTIONS]",
        "--web.listen-address",
        "--no-collector.loadavg",
    ):
        assert expected in out
    assert all(f"\n  {command} " in out for command in COMMANDS)
    assert ("--json" in out) == ("check" in argv)
    assert ("--format" in out.replace("--log.format", "")) == ("catalog" in argv)


def test_an_interrupt_ends_with_130(monkeypatch) -> None:
    def interrupt(_argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupt)

    assert main([]) == 130


@pytest.mark.parametrize("argument", ["--version", "catalog"])
def test_a_reader_that_leaves_is_no_error(argument) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "exporter", argument]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(command, env=buffered, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)

    assert (done.returncode, done.stderr) == (0, b"")


def test_the_import_brings_in_nothing_heavy() -> None:
    heavy = ("pydantic", "psycopg", "yaml", "rich", "redis", "asyncio", "psutil", "starlette", "uvicorn")
    script = f"import sys, exporter.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)

    assert done.stdout == "[]\n"
