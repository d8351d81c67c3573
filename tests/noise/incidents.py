"""What goes wrong in the days after the quiet week, some hours apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.noise.edits import away, change, restart
from tests.noise.generator import Series, Value
from tests.noise.week import Span, at


@dataclass(frozen=True, slots=True)
class Incident:
    """One of them.

    Attributes:
        name: what happened, for people.
        span: when, and the recorded phase that all series are in meanwhile, if there is one.
        cause: the alert that names the cause, or what users notice of it.
        severity: that this alert is meant to have.
    """

    name: str
    span: Span
    cause: str
    severity: str

    @property
    def receiver(self) -> str:
        """Who has to hear of it."""
        return "pagerduty" if self.severity == "critical" else "slack-warning"


DISK_FILLS = Span(at(14, "05:40"), 140)
KILLED = Span(at(14, "10:00"), 12, "postgres killed")
LOCKED = Span(at(14, "15:00"), 15, "lock held")
FULL = Span(at(14, "20:00"), 25, "redis full")
CUT_OFF = Span(at(15, "00:30"), 40, "replica cut off")
DEPLOYED = Span(at(15, "10:00"), 20, "bad deploy")
EXHAUSTED = Span(at(15, "15:30"), 20, "connections exhausted")
HOST_GONE = Span(at(15, "20:30"), 10, "postgres killed")

INCIDENTS = (
    Incident("a disk fills up in two hours", DISK_FILLS, "HostFilesystemAlmostFull", "critical"),
    Incident("the primary is killed, for 12 minutes", KILLED, "PostgresDown", "critical"),
    Incident("a lock is held for 15 minutes", LOCKED, "PostgresBlockedSessions", "warning"),
    Incident("Redis is full, for 25 minutes", FULL, "RedisMemoryNearMax", "critical"),
    Incident("the standbys are cut off, for 40 minutes", CUT_OFF, "PostgresReplicaNotStreaming", "critical"),
    Incident("a deploy fails one request of twelve, for 20 minutes", DEPLOYED, "HighErrorRate", "critical"),
    Incident("connections are exhausted, for 20 minutes", EXHAUSTED, "PostgresConnectionsHigh", "critical"),
    Incident("the primary's machine is gone, for 10 minutes", HOST_GONE, "ExporterDown", "critical"),
)

FULL_AT = 0.01
"""What is left of the disk when somebody makes room, as a share of its size."""


def strike(series: Sequence[Series]) -> None:
    """What the recorded phases of the incidents do not show: ends, restarts, the disk, the machine."""
    for name in ("pg_stat_", "pg_postmaster_"):
        restart(series, KILLED.end, name, instance="db-1", job="postgres")
    away(series, HOST_GONE, instance="db-1")
    restart(series, HOST_GONE.end, instance="db-1")
    sizes = {
        s.labels["instance"]: s.values[0] or 0.0 for s in series if s.name == "node_filesystem_size_bytes"
    }

    def filled(minute: int, before: Value) -> Value:
        share = (minute - DISK_FILLS.start) / (DISK_FILLS.minutes - 20)
        return max((before or 0.0) * (1 - share), FULL_AT * sizes["db-1"])

    change(series, DISK_FILLS, filled, name="node_filesystem_avail_bytes", instance="db-1")
