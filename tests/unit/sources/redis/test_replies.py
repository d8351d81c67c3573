from __future__ import annotations

import pytest
from redis.exceptions import AuthenticationError, BusyLoadingError, NoPermissionError, ResponseError

from exporter.model.errors import Reason
from exporter.sources.redis.replies import LoginRefused, refusal, right_of
from exporter.sources.redis.source import Command


@pytest.mark.parametrize(
    ("command", "right"),
    [
        (("INFO", "ALL"), ("INFO",)),
        (("config", "get", "maxmemory"), ("CONFIG", "GET")),
        (("LATENCY", "HISTOGRAM"), ("LATENCY", "HISTOGRAM")),
    ],
)
def test_the_right_that_a_command_takes(command: Command, right: Command) -> None:
    assert right_of(command) == right


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            NoPermissionError("this user has no permissions to run the 'config|get' command"),
            Reason.PERMISSION,
        ),
        (ResponseError("NOPERM this user has no permissions"), Reason.PERMISSION),
        (ResponseError("unknown command 'CONFIG', with args beginning with: 'GET'"), Reason.UNSUPPORTED),
        (ResponseError("Unknown subcommand or wrong number of arguments for 'GET'"), Reason.UNSUPPORTED),
        (BusyLoadingError("Redis is loading the dataset in memory"), Reason.UNAVAILABLE),
        (ResponseError("BUSY Redis is busy running a script."), Reason.UNAVAILABLE),
        (ResponseError("anything else"), Reason.ERROR),
    ],
)
def test_the_reason_of_a_refusal(error: ResponseError, reason: Reason) -> None:
    refused = refusal(error, ("CONFIG", "GET", "maxmemory"), "h:6379", "watcher")
    assert refused.reason is reason
    assert "h:6379" in str(refused)
    assert "CONFIG GET" in str(refused)
    assert not isinstance(refused, LoginRefused)


def test_a_missing_right_comes_with_the_rule_that_grants_it() -> None:
    refused = refusal(NoPermissionError("no"), ("CONFIG", "GET", "maxmemory"), "h:6379", "watcher")
    assert "ACL SETUSER watcher +config|get" in str(refused)


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("Authentication required."),
        ResponseError("DENIED Redis is running in protected mode"),
    ],
)
def test_without_a_login_the_connection_is_of_no_use(error: ResponseError) -> None:
    assert isinstance(refusal(error, ("PING",), "h:6379", "default"), LoginRefused)


def test_a_server_that_quotes_the_login_is_not_quoted() -> None:
    error = ResponseError("unknown command 'AUTH', with args beginning with: 'hunter2'")
    assert "hunter2" not in str(refusal(error, ("AUTH", "hunter2"), "h:6379", "default"))
