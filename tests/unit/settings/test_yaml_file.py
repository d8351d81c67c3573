"""Settings from the YAML file."""

from __future__ import annotations

import pytest


@pytest.fixture
def file(tmp_path):
    return tmp_path / "exporter.yml"


def argv(file) -> list[str]:
    return [f"--config.file={file}"]


def test_sections_and_keys(load, file) -> None:
    file.write_text("""
web: {listen_address: ":1"}
postgres:
  dsn: host=db user=me
  discover_databases: off
  include_databases: [a, 'b,c']
collector:
  stat_database: no
redis:
""")
    settings = load(argv(file))

    assert settings.web.listen_address == ":1"
    assert settings.postgres.dsn.get_secret_value() == "host=db user=me"
    assert settings.postgres.discover_databases is False
    assert settings.postgres.include_databases == ("a", "b,c")
    assert settings.enabled_collectors() == frozenset()


@pytest.mark.parametrize("text", ["0123", "1e3", "yes", "2020-01-01", "0x1F", "1_000", "!str 5"])
def test_a_value_stays_the_text_that_was_written(load, file, text) -> None:
    file.write_text(f"redis: {{password: {text}}}")

    assert load(argv(file)).redis.password.get_secret_value() == text.removeprefix("!str ")


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "web:\n", "redis: {password: , username: ~, address: null}"]
)
def test_nothing_is_the_default(load, file, text) -> None:
    file.write_text(text)

    assert load(argv(file)).redis == load().redis


def test_an_unknown_key_is_named_with_line_and_the_nearest_one(findings, file) -> None:
    file.write_text("web:\n  listen_adress: ':1'\npostgress:\n  dsn: ''\nother: 1\n")

    assert findings(argv(file)) == (
        f"file {file} line 2, key web.listen_adress: no such setting; did you mean web.listen_address?",
        f"file {file} line 4, key postgress: no such section; did you mean postgres?",
        (
            f"file {file} line 5, key other: no such section; expected analysis, api, collector, compat,"
            " config, host, log, pgbouncer, postgres, redis, scrape, sharding, slow_queries, targets, web"
        ),
    )


def test_a_bad_value_is_named_with_its_line(findings, file) -> None:
    file.write_text(
        "log:\n  level: loud\npostgres:\n  exclude_databases:\n    - ok\n    - '['\n  dsn: {a: b}\n"
    )

    assert findings(argv(file)) == (
        f"postgres.dsn (file {file} line 7): expected a value or a list of values",
        f"log.level (file {file} line 2): expected 'debug', 'info', 'warning' or 'error'",
        (
            f"postgres.exclude_databases (file {file} line 5): item 2: expected a regular expression"
            " (it breaks off at character 1)"
        ),
    )


def test_a_list_where_a_value_belongs_is_named(findings, file) -> None:
    file.write_text("redis: {password: [s3cret]}")

    assert findings(argv(file)) == (f"redis.password (file {file} line 1): expected a valid string",)


def test_a_key_that_stands_twice_is_named(findings, file) -> None:
    file.write_text("log: {level: info, level: debug}\nlog: {}\n? [a]\n: b\n")

    assert findings(argv(file)) == (
        f"file {file} line 1, key log.level: stands twice",
        f"file {file} line 2, key log: stands twice",
        f"file {file} line 3: expected a name before the colon",
    )


@pytest.mark.parametrize("text", ["- web", "s3cret", "web: s3cret", "redis: [s3cret]"])
def test_what_is_no_mapping_is_named(findings, file, text) -> None:
    file.write_text(text)

    (finding,) = findings(argv(file))

    assert finding.startswith(f"file {file} line 1: ")
    assert finding.endswith("expected keys with values")


@pytest.mark.parametrize(
    "text",
    [
        "redis: {password: *s3cret}",
        "redis: {password: @s3cret}",
        "redis: {password: 's3cret}",
        "redis:\n password: s3cret: x",
        "redis: {password: !<s3cret> x",
        "a: s3cret\n--- \nb: s3cret",
        "[" * 1500,
        "redis: {password: \x00s3cret}",
    ],
)
def test_what_is_no_yaml_is_named_by_its_place_and_not_quoted(findings, file, text) -> None:
    file.write_text(text)

    (finding,) = findings(argv(file))

    assert finding.startswith(f"config.file (flag --config.file): {file} is not one YAML document")
    assert "s3cret" not in finding


def test_the_place_of_the_file_does_not_stand_in_it(findings, file) -> None:
    file.write_text("config: {secrets_dir: /run/secrets}")

    assert findings(argv(file)) == (
        f"file {file} line 1, key config.secrets_dir: needed before the file: use the flag or the variable",
    )


def test_a_missing_file_is_named_with_the_remedy(findings, file) -> None:
    expected = f"{file} does not exist: create it, or leave the setting out"

    assert findings(argv(file)) == (f"config.file (flag --config.file): {expected}",)
    assert findings(environ={"EXPORTER_CONFIG__FILE": str(file)}) == (
        f"config.file (variable EXPORTER_CONFIG__FILE): {expected}",
    )


def test_a_folder_in_its_place_is_named(findings, tmp_path) -> None:
    assert findings(argv(tmp_path)) == (
        f"config.file (flag --config.file): {tmp_path} is a folder, expected a file",
    )
