from __future__ import annotations

import pytest

from exporter.collectors.redis.redis_configuration import shown
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

SECRET = "s3cr3t-" + "x" * 20


async def test_settings_as_labels_and_numbers(run: Run) -> None:
    pairs = ["maxmemory", "100", "save", "3600 1", "lua-time-limit", "inf", "maxmemory-policy", "noeviction"]
    found = await run("redis_configuration", FakeRedis("", {("CONFIG", "GET", "*"): list(pairs)}))
    assert found["redis_config_key_value"] == {
        ("maxmemory", "100"): 1,
        ("save", "3600 1"): 1,
        ("lua-time-limit", "inf"): 1,
        ("maxmemory-policy", "noeviction"): 1,
    }
    assert found["redis_config_value"] == {("maxmemory",): 100}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("requirepass", SECRET),
        ("masterauth", SECRET),
        ("primaryauth", SECRET),
        ("masteruser", SECRET),
        ("tls-key-file-pass", SECRET),
        ("tls-client-key-file-pass", SECRET),
        ("some-module.api_key", SECRET),
        ("some-module.Token", SECRET),
        ("module.url", f"redis://joe:{SECRET}@h:1"),
        ("module.args", f"verbose password={SECRET}"),
        ("module.args", f"AUTH_TOKEN: {SECRET}"),
    ],
)
def test_no_secret_is_shown(key: str, value: str) -> None:
    assert shown({key: value, "port": "1"}) == {"port": "1"}


def test_a_secret_is_not_shown_under_another_name() -> None:
    assert shown({"requirepass": SECRET, "bind-source-addr": SECRET, "hz": "10"}) == {"hz": "10"}


def test_what_only_looks_like_a_secret_is_shown_and_long_values_are_cut() -> None:
    found = shown({"tls-auth-clients": "yes", "requirepass": "", "bind": "x" * 500, "logfile": ""})
    assert found == {"tls-auth-clients": "yes", "bind": "x" * 200, "logfile": ""}
