"""Settings from variables."""

from __future__ import annotations

import pytest

from exporter.settings.environment import variable
from exporter.settings.model import fields_of


def test_two_underscores_part_section_and_key(load) -> None:
    environ = {
        "EXPORTER_WEB__LISTEN_ADDRESS": "[::1]:9188",
        "EXPORTER_POSTGRES__DISCOVER_DATABASES": "false",
        "EXPORTER_COLLECTOR__BUFFERCACHE": "yes",
    }
    settings = load(environ=environ)

    assert settings.web.bind == ("::1", 9188)
    assert settings.postgres.discover_databases is False
    assert settings.enabled_collectors() == {"stat_database", "buffercache"}


def test_every_setting_has_its_variable(load) -> None:
    settings = load()
    assert variable(("web", "listen_address")) == "EXPORTER_WEB__LISTEN_ADDRESS"
    for section, key in fields_of(type(settings)):
        value = getattr(getattr(settings, section), key)
        if isinstance(value, bool):
            changed = load(environ={variable((section, key)): str(not value)})
            assert getattr(getattr(changed, section), key) is not value


def test_lower_case_does_too(load) -> None:
    assert load(environ={"exporter_log__level": "debug"}).log.level == "debug"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("a", ("a",)),
        ("a, b", ("a", "b")),
        ('["a,b", "c"]', ("a,b", "c")),
        ("[ab],c", ("[ab]", "c")),
        (r"a\(,b", (r"a\(", "b")),
    ],
)
def test_a_list_is_json_or_split_at_commas(load, text, expected) -> None:
    assert load(environ={"EXPORTER_POSTGRES__INCLUDE_DATABASES": text}).postgres.include_databases == expected


def test_an_unknown_variable_is_named_with_the_nearest_one(findings) -> None:
    assert findings(
        environ={"EXPORTER_WEB__LISTEN_ADRESS": "x", "EXPORTER_LOG_LEVEL": "x", "EXPORTER_X": "x"}
    ) == (
        "variable EXPORTER_LOG_LEVEL: no such setting; did you mean EXPORTER_LOG__LEVEL?",
        "variable EXPORTER_WEB__LISTEN_ADRESS: no such setting; did you mean EXPORTER_WEB__LISTEN_ADDRESS?",
        "variable EXPORTER_X: no such setting",
    )


def test_what_kubernetes_injects_for_a_service_named_exporter_is_ignored(load) -> None:
    load(
        environ={
            "EXPORTER_SERVICE_HOST": "10.0.0.1",
            "EXPORTER_SERVICE_PORT": "9188",
            "EXPORTER_SERVICE_PORT_METRICS": "9188",
            "EXPORTER_PORT": "tcp://10.0.0.1:9188",
            "EXPORTER_PORT_9188_TCP": "tcp://10.0.0.1:9188",
            "EXPORTER_PORT_9188_TCP_ADDR": "10.0.0.1",
            "EXPORTER_METRICS_SERVICE_HOST": "10.0.0.1",
        }
    )


def test_a_bad_value_is_named_with_its_variable(findings) -> None:
    assert findings(
        environ={"EXPORTER_SCRAPE__SERIES_LIMIT": "many", "EXPORTER_WEB__ENABLE_RELOAD": "perhaps"}
    ) == (
        "web.enable_reload (variable EXPORTER_WEB__ENABLE_RELOAD): expected a valid boolean",
        "scrape.series_limit (variable EXPORTER_SCRAPE__SERIES_LIMIT): expected a valid integer",
    )


def test_an_empty_variable_means_not_given_where_nothing_can_be_empty(load) -> None:
    keys = (
        "REDIS__ADDRESS",
        "REDIS__USERNAME",
        "REDIS__PASSWORD",
        "POSTGRES__PASSWORD_FILE",
        "PGBOUNCER__DSN",
    )
    settings = load(environ={f"EXPORTER_{key}": "" for key in (*keys, "CONFIG__FILE", "CONFIG__SECRETS_DIR")})

    assert settings == load()


def test_an_empty_dsn_is_one(load) -> None:
    assert load(environ={"EXPORTER_POSTGRES__DSN": ""}).postgres.dsn.get_secret_value() == ""
