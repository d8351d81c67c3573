"""The address of a Redis server, or the seeds of several."""

from __future__ import annotations

import pytest

from exporter.settings.redis_address import redis_address, seeds, split_redis_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h:6379", ("h:6379", "", "")),
        ("redis://h", ("redis://h", "", "")),
        ("redis://:p%40%2Fw@h:1/0", ("redis://h:1/0", "", "p@/w")),
        ("rediss://u:p@[::1]:1?x=y", ("rediss://[::1]:1?x=y", "u", "p")),
        ("u:p@h:1", ("h:1", "u", "p")),
        ("redis://u:a@b@h", ("redis://h", "u", "a@b")),
        ("unix://u:p@/run/redis.sock?db=1", ("unix:///run/redis.sock?db=1", "u", "p")),
        ("valkeys://u@h", ("valkeys://h", "u", "")),
        ("redis://u:p@h:1,h:2,rediss://h:3", ("redis://h:1,h:2,rediss://h:3", "u", "p")),
        ("u:a,b@h:1, h:2", ("h:1, h:2", "u", "a,b")),
    ],
)
def test_a_redis_address_is_parted_from_its_credentials(text, expected) -> None:
    parts = split_redis_address(text)

    assert parts == expected
    assert redis_address(parts.address) == parts.address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://h",
        "h:port",
        "u:p@h",
        "redis://:pa?s3cret@h",
        "redis://h?password=s3cret",
        "redis://h?Username=u",
        "unix://",
        "redis://h/x",
        "a b",
        "redis://:pa#s3cret",
        "u:s3cret@",
        "redis://u:s3cret@",
        "redis://u:s3cret@h,redis://u:s3cret@h",
        "h,u:s3cret@",
        "h,,h",
    ],
)
def test_a_wrong_redis_address_is_refused(text) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        redis_address(text)

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("h", ["h"]),
        ("h:1, h:2", ["h:1", "h:2"]),
        ("rediss://h:1,h:2,redis://h:3", ["rediss://h:1", "rediss://h:2", "redis://h:3"]),
        ("unix:///run/a,b.sock", ["unix:///run/a,b.sock"]),
    ],
)
def test_seeds_have_the_scheme_of_the_first(address, expected) -> None:
    assert seeds(address) == expected


def test_several_addresses_are_for_discovery(load, findings) -> None:
    assert load(["--redis.address=u:p@h,g", "--redis.discovery=cluster"]).redis.address == "h,g"
    assert findings(["--redis.address=h,g"]) == (
        "redis.address (flag --redis.address): expected one address while redis.discovery is off",
    )
    assert "expected host:port" in findings(["--redis.address=unix:///s", "--redis.discovery=sentinel"])[0]


def test_sentinels_have_a_password_of_their_own(load, findings, tmp_path) -> None:
    (tmp_path / "pw").write_text("t\n")
    argv = ["--redis.password=p", f"--redis.sentinel-password-file={tmp_path / 'pw'}"]

    assert load(argv).redis.password.get_secret_value() == "p"
    assert load(argv).redis.sentinel_password.get_secret_value() == "t"
    assert "are both given" in findings([*argv, "--redis.sentinel-password=t"])[0]


def test_a_certificate_and_its_key_come_together(load, findings, tmp_path) -> None:
    both = [f"--redis.tls-cert-file={tmp_path / 'c'}", f"--redis.tls-key-file={tmp_path / 'k'}"]

    assert load(both).redis.tls_key_file == tmp_path / "k"
    assert "together" in findings(both[:1])[0]
    assert "together" in findings(both[1:])[0]


def test_the_map_of_passwords_is_searched_for_the_first_seed(load, tmp_path) -> None:
    (tmp_path / "pw").write_text('{"redis://h:1": "p"}')
    argv = [
        "--redis.address=h:1,g:2",
        "--redis.discovery=cluster",
        f"--redis.password-file={tmp_path / 'pw'}",
    ]

    assert load(argv).redis.password.get_secret_value() == "p"


def test_the_label_of_nodes_is_taken(load, findings) -> None:
    assert "expected another name than node" in findings(["--redis.address=h", "--redis.labels=node=a"])[0]
    assert load(["--postgres.dsn=", "--postgres.labels=node=a"]).postgres.labels == (("node", "a"),)
