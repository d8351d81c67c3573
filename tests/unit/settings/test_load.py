"""Priority of the sources, passwords and their files, and all findings together."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model.errors import SettingsError
from exporter.settings import load_settings, redacted

SOURCES = ("flag", "variable", "secrets folder", "file", "compat")
NASTY = (
    "with space",
    "quo'te\"s",
    "at@sign",
    "per%cent",
    "comma,comma",
    "ünïcödé€",
    "back\\slash",
    "--flag",
    "#hash?q&a=b",
    "{brace",
)


def give(source: str, value: str, folder) -> tuple[list[str], dict[str, str]]:
    """Argv and variables that give redis.username by that source."""
    if source == "flag":
        return [f"--redis.username={value}"], {}
    if source == "variable":
        return [], {"EXPORTER_REDIS__USERNAME": value}
    if source == "secrets folder":
        secrets = folder / "secrets"
        secrets.mkdir()
        (secrets / "redis__username").write_text(value)
        return [f"--config.secrets-dir={secrets}"], {}
    if source == "file":
        (folder / "file.yml").write_text(f"redis: {{username: {value}}}")
        return [f"--config.file={folder / 'file.yml'}"], {}
    return [], {"REDIS_USER": value}


@pytest.mark.parametrize(("high", "low"), [*itertools.combinations(SOURCES, 2)])
def test_the_higher_source_wins(load, tmp_path, high, low) -> None:
    argv_low, environ_low = give(low, "low", tmp_path)
    assert load(argv_low, environ_low).redis.username == "low"

    argv_high, environ_high = give(high, "high", tmp_path)
    settings = load([*argv_low, *argv_high], environ_low | environ_high)

    assert settings.redis.username == "high"


def test_a_higher_password_wins_over_a_lower_one(load) -> None:
    environ = {"EXPORTER_REDIS__PASSWORD": "high", "REDIS_PASSWORD": "low"}

    assert load([], environ).redis.password.get_secret_value() == "high"


def test_sources_are_merged_by_key_not_by_section(load, tmp_path) -> None:
    (tmp_path / "file.yml").write_text("redis: {username: u, connect_timeout_seconds: 7}")
    settings = load(
        [f"--config.file={tmp_path / 'file.yml'}"], {"EXPORTER_REDIS__ADDRESS": "h", "REDIS_PASSWORD": "p"}
    )

    assert (settings.redis.address, settings.redis.username) == ("h", "u")
    assert settings.redis.connect_timeout_seconds == 7
    assert settings.redis.password.get_secret_value() == "p"


def test_the_same_sources_give_equal_settings(load) -> None:
    assert load(["--log.level=debug"]) == load([], {"EXPORTER_LOG__LEVEL": "debug"})
    assert load(["--log.level=debug"]) != load()


def test_settings_are_frozen(load) -> None:
    settings = load()

    for section in ("web", "postgres", "collector"):
        with pytest.raises(ValueError, match="frozen"):
            setattr(settings, section, None)
    with pytest.raises(ValueError, match="frozen"):
        settings.web.listen_address = ":1"


def test_the_constructor_reads_no_environment(monkeypatch) -> None:
    from exporter.settings import Settings

    monkeypatch.setenv("WEB__LISTEN_ADDRESS", ":1")
    monkeypatch.setenv("WEB", '{"listen_address": ":1"}')

    assert Settings().web.listen_address == "127.0.0.1:9188"


@pytest.mark.parametrize("section", ["postgres", "redis", "pgbouncer"])
def test_a_password_file_is_read_without_its_line_feed(load, tmp_path, section) -> None:
    (tmp_path / "pw").write_bytes(b" p w \r\n")
    settings = load([f"--{section}.password-file", str(tmp_path / "pw")])

    assert getattr(settings, section).password.get_secret_value() == " p w "


def test_a_password_file_is_read_again_at_each_load(load, tmp_path) -> None:
    file = tmp_path / "pw"
    file.write_text("old")
    argv = [f"--redis.password-file={file}"]
    before = load(argv)
    file.write_text("new")

    assert load(argv).redis.password.get_secret_value() == "new"
    assert before.redis.password.get_secret_value() == "old"


def test_an_empty_password_file_is_no_password(load, tmp_path) -> None:
    (tmp_path / "pw").write_text("\n")

    assert load([f"--redis.password-file={tmp_path / 'pw'}"]).redis.password is None


def test_a_password_and_its_file_in_one_source_are_a_conflict(findings, tmp_path) -> None:
    (tmp_path / "pw").write_text("s3cret")

    assert findings(["--redis.password=s3cret", f"--redis.password-file={tmp_path / 'pw'}"]) == (
        (
            "redis.password and redis.password_file are both given (flag --redis.password;"
            " flag --redis.password-file): keep one"
        ),
    )


def test_a_password_of_a_higher_source_takes_the_place_of_a_lower_file(load, tmp_path) -> None:
    settings = load(["--redis.password=high"], {"REDIS_PASSWORD_FILE": str(tmp_path / "not there")})

    assert settings.redis.password.get_secret_value() == "high"
    assert settings.redis.password_file is None


def test_the_password_of_an_address_gives_way_to_one_of_its_own(load) -> None:
    own = load(["--redis.address=redis://u:a@h:1"], {"REDIS_PASSWORD": "b"})
    address = load(["--redis.address=redis://u:a@h:1"])

    assert own.redis.password.get_secret_value() == "b"
    assert address.redis.password.get_secret_value() == "a"
    assert (address.redis.address, address.redis.username) == ("redis://h:1", "u")


def test_a_missing_password_file_is_named_with_the_remedy(findings, tmp_path) -> None:
    assert findings(environ={"EXPORTER_POSTGRES__PASSWORD_FILE": str(tmp_path / "none")}) == (
        (
            "postgres.password_file (variable EXPORTER_POSTGRES__PASSWORD_FILE):"
            f" {tmp_path}/none does not exist: create it, or leave the setting out"
        ),
    )


@pytest.fixture
def forbidden(tmp_path) -> Iterator[Path]:
    """A file that may not be read. Root may read every file, so the test goes on as nobody."""
    file = tmp_path / "pw"
    file.write_text("s3cret")
    file.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield file
    os.seteuid(user)


def test_a_forbidden_password_file_is_named_with_the_remedy(findings, forbidden) -> None:
    assert findings(environ={"REDIS_PASSWORD_FILE": str(forbidden)}) == (
        (
            f"redis.password_file (variable REDIS_PASSWORD_FILE): {forbidden} may not be read by this user:"
            " chown or chmod it"
        ),
    )


def test_discovery_needs_two_connections(load, findings) -> None:
    assert findings(["--postgres.max-connections=1"]) == (
        (
            "postgres.max_connections (flag --postgres.max-connections): expected at least 2 while"
            " postgres.discover_databases is on"
        ),
    )
    assert (
        load(["--postgres.max-connections=1", "--no-postgres.discover-databases"]).postgres.max_connections
        == 1
    )


@pytest.mark.parametrize(
    "argument",
    [
        "--scrape.timeout-seconds=0",
        "--scrape.timeout-seconds=inf",
        "--scrape.timeout-offset-seconds=-1",
        "--scrape.series-limit=0",
        "--postgres.max-connections=0",
        "--postgres.max-connections=1.5",
        "--postgres.connect-timeout-seconds=-1",
        "--postgres.lock-timeout-seconds=",
        "--host.procfs=proc",
        "--host.fs-types-exclude=(",
        "--web.listen-address=9188",
        "--web.telemetry-path=metrics",
        "--log.format=xml",
    ],
)
def test_bounds_hold(findings, argument) -> None:
    flag = argument.partition("=")[0]

    (finding,) = findings([argument])

    assert f"(flag {flag}): " in finding
    assert "expected" in finding


def test_all_findings_come_together(findings, tmp_path) -> None:
    (tmp_path / "file.yml").write_text("log: {levle: info}")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "nothing").write_text("x")
    argv = [f"--config.file={tmp_path}/file.yml", f"--config.secrets-dir={tmp_path}/secrets", "--wbe=x"]
    environ = {"EXPORTER_WBE": "x", "EXPORTER_LOG__LEVEL": "x", "DATA_SOURCE_NAME": "x"}

    assert [finding.split(":")[0].split(" (")[0] for finding in findings(argv, environ)] == [
        "flag --wbe",
        "variable EXPORTER_WBE",
        f"secret file {tmp_path}/secrets/nothing",
        f"file {tmp_path}/file.yml line 1, key log.levle",
        "log.level",
        "postgres.dsn",
    ]


@pytest.mark.parametrize("password", NASTY)
def test_no_secret_is_ever_shown(password, tmp_path) -> None:
    (tmp_path / "pw").write_text(password)
    environ = {
        "EXPORTER_POSTGRES__PASSWORD": password,
        "DATA_SOURCE_URI": "h",
        "DATA_SOURCE_USER": "u",
        "DATA_SOURCE_PASS": password,
        "EXPORTER_REDIS__PASSWORD_FILE": str(tmp_path / "pw"),
        "EXPORTER_PGBOUNCER__DSN": "host=h password='"
        + password.replace("\\", "\\\\").replace("'", "\\'")
        + "'",
    }
    settings = load_settings([], environ, {})

    for secret in (settings.postgres.password, settings.redis.password):
        assert secret is not None
        assert secret.get_secret_value() == password
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert password not in shown
    assert password not in str(redacted(settings))
    assert redacted(settings)["postgres"]["password"] == "*" * 10


@pytest.mark.parametrize("password", NASTY)
@pytest.mark.parametrize(
    "name",
    [
        "EXPORTER_POSTGRES__DSN",
        "EXPORTER_REDIS__ADDRESS",
        "EXPORTER_LOG__LEVEL",
        "EXPORTER_WEB__LISTEN_ADDRESS",
        "EXPORTER_WEB__ENABLE_RELOAD",
        "EXPORTER_SCRAPE__SERIES_LIMIT",
        "EXPORTER_POSTGRES__PASWORD",
        "DATA_SOURCE_NAME",
        "PGBOUNCER_EXPORTER_CONNECTION_STRING",
    ],
)
def test_no_finding_repeats_a_value(findings, name, password) -> None:
    for text in (f"http://u:{password}@h", f"{password} (", f"x {password} [0"):
        assert all(password not in finding for finding in findings(environ={name: text}))


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.sampled_from(
        ["--postgres.dsn", "--pgbouncer.dsn", "--redis.address", "--log.level", "--redis.pasword"]
    ),
)
@settings(deadline=None)
def test_no_value_is_ever_echoed(text, flag) -> None:
    try:
        load_settings([flag, f"s3cret{text}s3cret"], {}, {})
        message = ""
    except SettingsError as error:
        message = str(error)

    assert "s3cret" not in message
