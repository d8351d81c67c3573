from __future__ import annotations

import pytest

from exporter.model.errors import SettingsError
from exporter.sources.redis import RedisOptions, RedisServer
from exporter.sources.redis.options import Address, address_of


def address(url: str, **login: str) -> Address:
    return address_of(RedisOptions(url=url, **login))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "where", "tls"),
    [
        ("redis://db.example:6380", "db.example:6380", False),
        ("redis://db.example", "db.example:6379", False),
        ("db.example:6380", "db.example:6380", False),
        ("localhost", "localhost:6379", False),
        ("valkey://db.example", "db.example:6379", False),
        ("rediss://db.example", "db.example:6379", True),
        ("valkeys://db.example/3", "db.example:6379", True),
        ("redis://[::1]:7000", "[::1]:7000", False),
        ("unix:///run/redis/redis.sock", "/run/redis/redis.sock", False),
    ],
)
def test_every_kind_of_address(url: str, where: str, tls: bool) -> None:
    found = address(url)
    assert found.where == where
    assert found.tls is tls
    assert found.path == (where if url.startswith("unix") else "")


def test_the_login_of_the_address_is_decoded() -> None:
    found = address("redis://u%40x:p%3Aw@h")
    assert (found.username, found.password) == ("u@x", "p:w")
    assert address("redis://:pw@h").username is None


def test_the_login_of_the_options_wins() -> None:
    found = address("redis://u:p@h", username="other", password="secret")
    assert (found.username, found.password) == ("other", "secret")


@pytest.mark.parametrize("url", ["http://u:hunter2@h", "redis://u:hunter2@h:99999", "redis://u:hunter2@h:x"])
def test_a_bad_address_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        address(url)
    assert "redis.url" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_no_secret_shows_in_what_people_see() -> None:
    options = RedisOptions(url="redis://u:hunter2@h", password="hunter3")
    server = RedisServer(options)
    shown = repr(options) + repr(address_of(options)) + server.describe()
    assert "hunter" not in shown
    assert server.describe() == "redis at h:6379"
