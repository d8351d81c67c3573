"""The findings about a Redis server, from its INFO and from what it refuses."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from exporter.doctor.finding import Finding, Severity
from exporter.doctor.redis import CHECK_LOGIN, NEEDS_PASSWORD, examine, rights
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, SourceError, Unavailable
from exporter.sources.redis.fake import FakeRedis
from exporter.sources.redis.replies import refusal
from exporter.sources.redis.source import Command


def found(server: FakeRedis) -> list[Finding]:
    return asyncio.run(examine(server, Deadline.after(1)))


def down(error: SourceError) -> FakeRedis:
    server = FakeRedis()
    server.down = error
    return server


@pytest.mark.parametrize(
    ("info", "what", "severity"),
    [
        ("redis_version:7.0.15", "Redis 7.0.15", Severity.OK),
        ("redis_version:6.2.5", "Redis 6.2.5", Severity.OK),
        ("redis_version:10.0.0", "Redis 10.0.0", Severity.OK),
        ("redis_version:5.0.14", "Redis 5.0.14: older than 6.2", Severity.ADVICE),
        ("redis_version:7.2.4\nvalkey_version:8.1.1", "Valkey 8.1.1", Severity.OK),
        ("redis_version:6.3.4\nmvcc_depth:0", "KeyDB 6.3.4", Severity.OK),
        ("redis_version:7.4.0\ndragonfly_version:df-v1.30.0", "Dragonfly 1.30.0", Severity.OK),
        ("redis_version:6.2.5", "Redis 6.2.5: histograms and percentiles of commands come", Severity.OK),
        ("", "Redis of unknown version", Severity.OK),
    ],
)
def test_versions(info: str, what: str, severity: Severity) -> None:
    (finding,) = found(FakeRedis(info))

    assert finding.what.startswith(what)
    assert finding.severity is severity


def test_a_server_that_is_loading() -> None:
    (_, finding) = found(FakeRedis("redis_version:7.0.15\nloading:1"))

    assert finding.severity is Severity.ADVICE
    assert "loading" in finding.what


@pytest.mark.parametrize(
    ("link", "words"), [("up", "is a replica of m:6379:"), ("down", "link to it is down")]
)
def test_a_replica(link: str, words: str) -> None:
    info = f"redis_version:7.0.15\nrole:slave\nmaster_host:m\nmaster_port:6379\nmaster_link_status:{link}"
    (_, finding) = found(FakeRedis(info))

    assert finding.severity is Severity.ADVICE
    assert words in finding.what


@pytest.mark.parametrize(
    ("setting", "off", "remedy"),
    [("slowlog-log-slower-than", "-1", "10000"), ("latency-tracking", "no", "yes")],
)
def test_what_is_turned_off_on_the_server(setting: str, off: str, remedy: str) -> None:
    server = FakeRedis("redis_version:7.0.15", {("CONFIG", "GET", setting): [setting, off]})
    (_, finding) = found(server)

    assert finding.severity is Severity.ADVICE
    assert finding.remedy.splitlines()[0] == f"CONFIG SET {setting} {remedy}"
    server.replies["CONFIG", "GET", setting] = [setting, "0"]
    assert len(found(server)) == 1


@pytest.mark.parametrize(
    ("said", "remedy"),
    [("Authentication required.", NEEDS_PASSWORD), ("invalid username-password pair", CHECK_LOGIN)],
)
def test_a_refused_login(said: str, remedy: str) -> None:
    error = refusal(AuthenticationError(said), ("AUTH", "joe", "s3cret"), "fake:6379", "joe")
    (finding,) = found(down(error))

    assert (finding.severity, finding.remedy) == (Severity.ERROR, remedy)
    assert finding.what.startswith("login refused")


def test_a_server_that_is_down() -> None:
    (finding,) = found(down(Unavailable("redis at fake:6379: Connection refused")))

    assert finding.what == "Connection refused"
    assert "redis.address" in finding.remedy


def test_info_that_is_refused_is_left_to_the_rights_unless_it_passes() -> None:
    assert found(FakeRedis(None)) == []
    (finding,) = found(down(Refused("BUSY Redis is busy", Reason.UNAVAILABLE)))
    assert finding.severity is Severity.ERROR


def refused(*command: str) -> Refused:
    known: Command = command
    return refusal(NoPermissionError("no permissions"), known, "fake:6379", "poor")


def test_one_rule_allows_all_that_was_refused() -> None:
    refusals = [
        refused("SLOWLOG", "GET", "1"),
        refused("CONFIG", "GET", "maxmemory"),
        refused("CONFIG", "GET", "databases"),
        refused("CLIENT", "LIST"),
        refused("COMMANDLOG", "LEN", "slow"),
        refused("FT._LIST"),
        refused("INFO", "ALL"),
        refusal(ResponseError("unknown command 'LATENCY'"), ("LATENCY", "LATEST"), "fake:6379", "poor"),
    ]
    (finding,) = rights("redis at fake:6379", refusals)

    assert finding.severity is Severity.ERROR
    commands = "CLIENT LIST, COMMANDLOG LEN, CONFIG GET, FT._LIST, INFO, SLOWLOG GET"
    assert finding.what == f"user poor may not run {commands}"
    rules = "+client|list +commandlog|len +config|get +ft._list +info +slowlog|get"
    assert finding.remedy.splitlines()[0] == f"ACL SETUSER poor {rules}"


def test_no_rule_where_nothing_was_refused() -> None:
    assert rights("redis at fake:6379", []) == []
