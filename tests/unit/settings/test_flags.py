"""Settings from the command line."""

from __future__ import annotations

from argparse import ArgumentParser

import pytest

from exporter.settings.flags import Flags, flag
from exporter.settings.model import fields_of, settings_type

TYPE = settings_type(
    {"stat_database": (True, "Transactions of each database."), "cache": (False, "Up to 100 %.")}
)


def test_each_setting_is_a_flag(load) -> None:
    settings = load(
        ["--web.listen-address", ":1", "--scrape.timeout-seconds=3", "--postgres.max-connections", "7"]
    )

    assert settings.web.listen_address == ":1"
    assert settings.scrape.timeout_seconds == 3.0
    assert settings.postgres.max_connections == 7


def test_underscores_do_as_well_as_dashes(load) -> None:
    settings = load(["--web.listen_address=:1", "--no-web.enable_reload", "--collector.stat_database=false"])

    assert settings.web.listen_address == ":1"
    assert settings.web.enable_reload is False
    assert settings.collector.stat_database is False


@pytest.mark.parametrize("text", ["--no-collector.stat-database", "--collector.stat-database=false"])
def test_a_switch_is_turned_off_in_two_ways(load, text) -> None:
    assert load([text]).enabled_collectors() == frozenset()


@pytest.mark.parametrize("text", ["--collector.buffercache", "--collector.buffercache=true"])
def test_a_switch_is_turned_on_in_two_ways(load, text) -> None:
    assert load([text]).enabled_collectors() == {"stat_database", "buffercache"}


def test_a_value_comes_through_as_it_is(load) -> None:
    for password in (
        "null",
        "None",
        '"quoted"',
        "'",
        "-dash",
        "--dashes",
        "a=b",
        "a,b",
        "[1]",
        "{}",
        " p ",
        "ü%@",
    ):
        assert load(["--redis.password", password]).redis.password.get_secret_value() == password


def test_the_last_of_a_repeated_flag_counts(load) -> None:
    assert load(["--log.level=info", "--log.level", "error"]).log.level == "error"


def test_lists_are_repeated_or_split_at_commas_outside_brackets(load) -> None:
    argv = ["--postgres.include-databases", "a{1,2},b", "--postgres.include_databases=[cd],(e,f)"]

    assert load(argv).postgres.include_databases == ("a{1,2}", "b", "[cd]", "(e,f)")


def test_an_unknown_flag_is_named_with_the_nearest_one(findings) -> None:
    assert findings(["--web.listen-adress=secret"]) == (
        "flag --web.listen-adress: no such flag; did you mean --web.listen-address?",
    )
    assert findings(["--no-collector.stat-databse"]) == (
        "flag --no-collector.stat-databse: no such flag; did you mean --no-collector.stat-database?",
    )
    assert findings(["--listen-address", "x"]) == (
        "flag --listen-address: no such flag; did you mean --web.listen-address?",
    )


def test_the_value_of_an_unknown_flag_is_not_repeated(findings) -> None:
    for argv in (["--redis.pasword", "s3cret"], ["--redis.pasword", "-s3cret"], ["--redis.pasword=s3cret"]):
        assert findings(argv) == ("flag --redis.pasword: no such flag; did you mean --redis.password?",)
    assert "s3cret" not in str(findings(["--redis.pasword", "--s3cret"]))


def test_a_secret_split_by_the_shell_is_not_repeated(findings) -> None:
    assert findings(["--redis.password", "my", "s3cret", "words"]) == (
        "2 argument(s) belong to no flag: quote a value that holds spaces",
    )


@pytest.mark.parametrize("argv", [["--log.level"], ["--log.level", "--web.enable-reload"]])
def test_a_missing_value_is_named(findings, argv) -> None:
    assert findings(argv) == ("log.level (flag --log.level): expected a value: --log.level=VALUE",)


def test_a_wrong_switch_is_named(findings) -> None:
    assert findings(["--web.enable-reload=maybe", "--no-collector.buffercache=1"]) == (
        "web.enable_reload (flag --web.enable-reload): expected true or false",
        "collector.buffercache (flag --no-collector.buffercache): expected no value",
    )


def test_a_bad_value_is_named_with_its_flag(findings) -> None:
    assert findings(["--log.level=debgu", "--scrape.timeout-seconds=nan"]) == (
        "log.level (flag --log.level): expected 'debug', 'info', 'warning' or 'error'; did you mean debug?",
        "scrape.timeout_seconds (flag --scrape.timeout-seconds): expected a finite number",
    )


def test_a_section_is_no_flag(findings) -> None:
    assert len(findings(["--web", "{}"])) == 1


def test_split_leaves_the_command_and_its_options_in_order() -> None:
    argv = ["dump", "--log.level", "debug", "--collector", "stat_database", "--collector.stat_database", "-h"]

    settings, rest = Flags(TYPE).split(argv)

    assert settings == ["--log.level=debug", "--collector.stat-database"]
    assert rest == ["dump", "--collector", "stat_database", "-h"]


def test_help_explains_each_setting_with_its_default() -> None:
    parser = ArgumentParser(prog="x", add_help=False)
    Flags(TYPE, parser)
    text = " ".join(parser.format_help().split())

    for key, field in fields_of(TYPE).items():
        assert f"{flag(key)}" in text
        assert f"{field.description}".split()[0] in text
    assert "host:port to serve on; :9188 means all interfaces. (default: 127.0.0.1:9188)" in text
    assert (
        "--collector.stat-database, --no-collector.stat-database Transactions of each database. (default: on)"
        in text
    )
    assert "Up to 100 %. (default: off)" in text
    assert "(default: 10)" in text


def test_every_setting_of_a_time_says_its_unit() -> None:
    for (section, key), field in fields_of(TYPE).items():
        sentence = str(field.description)
        assert sentence.endswith("."), f"{section}.{key}"
        if "timeout" in key or "lifetime" in key:
            assert key.endswith("_seconds")
            assert sentence.startswith("Seconds ")
