"""Faults of the chain, who is told of them, and who is kept quiet.

Each fault is caused, told to somebody, mended, and told to be over. Waits are short (`tests.servers.chain`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from tests.servers.chain import Chain
from tests.servers.faults import fill_redis, hold_a_lock, stop_the_replay, take_all_connections
from tests.servers.receivers import Notification
from tests.workload import wait_until

SHORTER: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("PostgresBlockedSessions", "warning"): {"> 60": "> 2"},
    ("PostgresReplicationLagHigh", "warning"): {"> 30": "> 2", "offset 30s": "offset 2s"},
    ("PostgresReplicationLagHigh", "critical"): {"> 300": "> 4", "offset 5m": "offset 4s"},
}
"""Thresholds of the chain's rules that are times. Everything else is as shipped."""

PAGED = ("pagerduty", "email", "slack-critical", "alert-log")

FAULTS: Mapping[str, tuple[str, ...]] = {
    "PostgresBlockedSessions": ("slack-warning", "alert-log"),
    "PostgresConnectionsHigh": PAGED,
    "RedisMemoryNearMax": PAGED,
    "PostgresReplicationLagHigh": PAGED,
    "PostgresDown": PAGED,
}
"""What each fault is called, and who hears of it."""


@dataclass(slots=True)
class Story:
    """What came of the faults.

    Attributes:
        fired: alert and receiver -> the first notification that it fires.
        resolved: the same of its end.
        delays: alert -> seconds from the fault to the first notification.
        quiet: alert -> what Alertmanager said of it while its cause fired: `state`, `inhibitedBy`.
        told: what `slack-warning` was told while PostgreSQL was down.
    """

    fired: dict[tuple[str, str], Notification] = field(default_factory=dict)
    resolved: dict[tuple[str, str], Notification] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    quiet: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def tell(chain: Chain) -> Story:
    """Causes four faults at a time and mends them, then kills PostgreSQL and starts it again."""
    told = Story()
    with ExitStack() as faults:
        begun = monotonic()
        hold_a_lock(chain, faults)
        take_all_connections(chain, faults)
        fill_redis(chain, faults)
        stop_the_replay(chain, faults)
        first = ("PostgresBlockedSessions", "PostgresConnectionsHigh", "RedisMemoryNearMax")
        for name in (*first, "PostgresReplicationLagHigh"):
            hear(chain, told.fired, name, firing)
            told.delays[name] = told.fired[name, "alert-log"].at - begun
        for name in ("PostgresConnectionsHigh", "RedisMemoryNearMax"):
            told.quiet[name] = suppressed(chain, name, "warning")
    for name in (*first, "PostgresReplicationLagHigh"):
        hear(chain, told.resolved, name, resolved)
    lose_the_database(chain, told)
    return told


def lose_the_database(chain: Chain, told: Story) -> None:
    """Kills PostgreSQL, looks at who is told and who is kept quiet, and starts it again."""
    begun, heard = monotonic(), len(chain.receivers.taken("slack-warning"))
    chain.primary.kill()
    hear(chain, told.fired, "PostgresDown", firing)
    told.delays["PostgresDown"] = told.fired["PostgresDown", "alert-log"].at - begun
    told.quiet["PgbouncerClientsWaiting"] = suppressed(chain, "PgbouncerClientsWaiting", "warning")
    told.told = [n.text for n in chain.receivers.taken("slack-warning")[heard:]]
    chain.primary.start()
    hear(chain, told.resolved, "PostgresDown", resolved)


def hear(
    chain: Chain,
    heard: dict[tuple[str, str], Notification],
    name: str,
    which: Callable[[Notification], bool],
) -> None:
    """Waits until all who are to hear of an alert have."""
    for receiver in FAULTS[name]:
        heard[name, receiver] = chain.receivers.wait_for(receiver, name, where=which, seconds=60)


def firing(notification: Notification) -> bool:
    return not resolved(notification)


def resolved(notification: Notification) -> bool:
    """Whether it says that something is over."""
    body = notification.body
    return (
        "resolve" in (body.get("event_action"), body.get("status", "")[:7]) or "RESOLVED" in notification.text
    )


def suppressed(chain: Chain, name: str, severity: str) -> Mapping[str, Any]:
    """Waits until Alertmanager keeps an alert quiet, and returns what it says of it."""
    found: list[Mapping[str, Any]] = []

    def seen() -> bool:
        found[:] = [
            alert["status"]
            for alert in chain.alertmanager.alerts()
            if (alert["labels"]["alertname"], alert["labels"]["severity"]) == (name, severity)
        ]
        return any(status["state"] == "suppressed" for status in found)

    wait_until(seen, seconds=40)
    return found[0]
