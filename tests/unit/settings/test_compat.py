"""Variables of the upstream exporters and of libpq."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from exporter.settings import load_settings

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def dsn(environ) -> str | None:
    secret = load_settings([], environ, {}).postgres.dsn
    return None if secret is None else secret.get_secret_value()


def test_data_source_name_is_the_dsn() -> None:
    for text in ("postgresql://u:p@h:5432/db?sslmode=disable", "host=h user=u password='a b'"):
        assert dsn({"DATA_SOURCE_NAME": text, "DATA_SOURCE_URI": "other"}) == text


@given(user=TEXT.filter(bool), password=TEXT.filter(bool))
@settings(deadline=None)
def test_user_and_password_reach_libpq_as_they_are(user, password) -> None:
    environ = {
        "DATA_SOURCE_URI": "h:5432/db?sslmode=disable",
        "DATA_SOURCE_USER": user,
        "DATA_SOURCE_PASS": password,
    }

    assert conninfo_to_dict(dsn(environ) or "") == {
        "host": "h",
        "port": "5432",
        "dbname": "db",
        "sslmode": "disable",
        "user": user,
        "password": password,
    }


def test_a_password_that_is_not_utf8_is_refused(findings) -> None:
    assert findings(environ={"DATA_SOURCE_URI": "h", "DATA_SOURCE_PASS": "\udce4"}) == (
        (
            "postgres.dsn (variable DATA_SOURCE_URI, variable DATA_SOURCE_PASS): expected UTF-8 text"
            " behind the % of a URI"
        ),
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"URI": "h/db"}, {"host": "h", "dbname": "db"}),
        ({"URI": "postgresql://h/db", "USER": "u"}, {"host": "h", "dbname": "db", "user": "u"}),
        ({"USER": "u", "PASS": "p"}, {"user": "u", "password": "p"}),
        ({"URI": "[::1]:5433", "PASS": "p"}, {"host": "::1", "port": "5433", "password": "p"}),
        ({"URI": "a:1,b:2/db", "USER": "u"}, {"host": "a,b", "port": "1,2", "dbname": "db", "user": "u"}),
    ],
)
def test_parts_may_be_missing(environ, expected) -> None:
    got = conninfo_to_dict(dsn({f"DATA_SOURCE_{part}": value for part, value in environ.items()}) or "")

    assert {name: value for name, value in got.items() if value} == expected


def test_the_file_form_wins(tmp_path) -> None:
    environ: dict[str, str] = {}
    for part, text in {"URI": "h/db", "USER": "us er", "PASS": "p@ss, '%\" "}.items():
        (tmp_path / part).write_text(text + "\n")
        environ |= {f"DATA_SOURCE_{part}": "other", f"DATA_SOURCE_{part}_FILE": str(tmp_path / part)}

    assert conninfo_to_dict(dsn(environ) or "") == {
        "host": "h",
        "dbname": "db",
        "user": "us er",
        "password": "p@ss, '%\" ",
    }


def test_data_source_name_has_a_file_form(tmp_path) -> None:
    (tmp_path / "name").write_text("host=h\n")

    assert dsn({"DATA_SOURCE_NAME_FILE": str(tmp_path / "name"), "DATA_SOURCE_NAME": "host=x"}) == "host=h"


def test_a_missing_file_is_named(findings, tmp_path) -> None:
    path = tmp_path / "none"
    missing = f"{path} does not exist: create it, or leave the setting out"

    assert findings(environ={"DATA_SOURCE_URI": "h", "DATA_SOURCE_PASS_FILE": str(path)}) == (
        f"postgres.dsn (variable DATA_SOURCE_PASS_FILE): {missing}",
    )


def test_a_missing_file_that_is_not_needed_is_not_read(load, tmp_path) -> None:
    environ = {"DATA_SOURCE_PASS_FILE": str(tmp_path / "none"), "EXPORTER_POSTGRES__DSN": "host=h"}

    assert load(environ=environ).postgres.dsn.get_secret_value() == "host=h"


@pytest.mark.parametrize(
    "text", ["postgresql://u:a,b@h/db", "host=h password='a, b'", "postgresql://a:1,b:2/db"]
)
def test_a_comma_does_not_split(text) -> None:
    assert dsn({"DATA_SOURCE_NAME": text}) == text


def test_several_servers_are_refused(findings) -> None:
    assert findings(environ={"DATA_SOURCE_NAME": "postgresql://u:s3cret@a/db,postgres://u:s3cret@b/db"}) == (
        "postgres.dsn (variable DATA_SOURCE_NAME): expected one server: put each under a name in targets",
    )


@pytest.mark.parametrize("name", ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGUSER", "PGDATABASE"])
def test_libpq_variables_mean_an_empty_dsn(name) -> None:
    assert dsn({name: "x"}) == ""
    assert dsn({name: ""}) is None
    assert dsn({name: "x", "DATA_SOURCE_NAME": "host=h"}) == "host=h"
    assert dsn({"PGPASSWORD": "x", "PGPORT": "1"}) is None


def test_redis_and_pgbouncer(load) -> None:
    settings = load(
        environ={
            "REDIS_ADDR": "redis://h:6379",
            "REDIS_USER": "u",
            "REDIS_PASSWORD": "p",
            "PGBOUNCER_EXPORTER_CONNECTION_STRING": "postgres://u:@h:6432/pgbouncer?sslmode=disable",
        }
    )

    assert (settings.redis.address, settings.redis.username) == ("redis://h:6379", "u")
    assert settings.redis.password.get_secret_value() == "p"
    assert settings.pgbouncer.dsn.get_secret_value().startswith("postgres://u:@h")


def test_a_redis_password_file_is_plain_text(load, tmp_path) -> None:
    (tmp_path / "pw").write_text("{p w\n")
    settings = load(environ={"REDIS_PASSWORD_FILE": str(tmp_path / "pw"), "REDIS_PASSWORD": "other"})

    assert settings.redis.password.get_secret_value() == "{p w"
    assert settings.redis.password_file == tmp_path / "pw"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"REDIS_ADDR": "redis://h:6379"}, "plain"),
        ({"REDIS_ADDR": "h:6379"}, "plain"),
        ({"REDIS_ADDR": "h:6379", "REDIS_USER": "u"}, "of u"),
        ({"REDIS_ADDR": "redis://v@h:6379"}, "of v"),
        ({"REDIS_ADDR": "rediss://h:6379/"}, "tls"),
        ({"REDIS_ADDR": "other:6379"}, None),
        ({}, None),
    ],
)
def test_a_redis_password_file_is_a_map(load, tmp_path, environ, expected) -> None:
    passwords = {
        "redis://h:6379": "plain",
        "redis://u@h:6379": "of u",
        "redis://v:@h:6379": "of v",
        "rediss://h:6379": "tls",
    }
    (tmp_path / "pw").write_text(json.dumps(passwords))
    secret = load(environ=environ | {"REDIS_PASSWORD_FILE": str(tmp_path / "pw")}).redis.password

    assert (secret and secret.get_secret_value()) == expected


def test_a_bad_value_is_named_with_its_variable(findings) -> None:
    assert findings(
        environ={
            "REDIS_ADDR": "http://h",
            "DATA_SOURCE_URI": "h?%zz",
            "PGBOUNCER_EXPORTER_CONNECTION_STRING": "x",
        }
    ) == (
        (
            "postgres.dsn (variable DATA_SOURCE_URI): expected two hexadecimal digits after each % in a URI:"
            " write a % itself as %25"
        ),
        (
            "redis.address (variable REDIS_ADDR): expected host:port or a URL (redis, rediss, valkey, valkeys"
            " or unix://); write @ / ? # and % in a password as %40 %2F %3F %23 %25"
        ),
        (
            "pgbouncer.dsn (variable PGBOUNCER_EXPORTER_CONNECTION_STRING): expected"
            " postgresql://user:password@host:port/database, or name=value pairs (host=... user=...)"
        ),
    )
