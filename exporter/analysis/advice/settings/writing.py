"""Checkpoints: whether time or the amount of WAL brings them about."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.advice.settings.change import Advice, as_memory, bytes_of
from exporter.analysis.finding import Confidence, Evidence, Finding, Severity
from exporter.analysis.wording import GB, duration, percent
from exporter.facts.server import ServerFacts

LEAST_REQUESTED = 10
LEAST_SHARE, WARN_SHARE = 0.3, 0.5
WARN_AN_HOUR = 4.0
SHORTEST_SECONDS = 3600.0
SHORT_TIMEOUT = 300.0


def max_wal_size(server: ServerFacts) -> Iterator[Finding]:
    """Checkpoints that come because WAL fills up, before their time."""
    done, value = server.checkpoints, bytes_of(server, "max_wal_size")
    if value is None or done.requested < LEAST_REQUESTED or server.is_standby:
        return
    share = done.requested / (done.requested + done.timed)
    an_hour = done.requested / max(done.seconds or 0.0, SHORTEST_SECONDS) * 3600
    if share < LEAST_SHARE:
        return
    felt = share >= WARN_SHARE and an_hour >= WARN_AN_HOUR
    yield Advice(
        name="max_wal_size",
        value=as_memory(max(2 * value, 4 * GB)),
        title=f"{percent(share)} of the checkpoints come because max_wal_size is reached",
        why=(
            "Each checkpoint writes all changed blocks, and after it the first change of each block writes "
            "the whole block to WAL: the more of them, the more is written. CHECKPOINT by hand, base "
            "backups and CREATE DATABASE count here as well."
        ),
        evidence=[
            Evidence("requested checkpoints", done.requested),
            Evidence("timed checkpoints", done.timed),
            Evidence("requested checkpoints an hour", round(an_hour, 2)),
        ],
        severity=Severity.WARNING if felt else Severity.INFO,
        confidence=Confidence.HIGH if felt else Confidence.MEDIUM,
        cost="Disk in pg_wal, and a longer recovery after a crash.",
        weight=an_hour,
    ).finding(server)


def checkpoint_timeout(server: ServerFacts) -> Iterator[Finding]:
    """Shorter than that of a new cluster."""
    setting = server.settings.get("checkpoint_timeout")
    if setting is None or setting.seconds >= SHORT_TIMEOUT or server.is_standby:
        return
    yield Advice(
        name="checkpoint_timeout",
        value="15min",
        title=f"A checkpoint every {duration(setting.seconds)}",
        why=(
            "After each checkpoint the first change of each block writes the whole block to WAL. With 15 "
            "minutes much less is written."
        ),
        cost="A longer recovery after a crash.",
        confidence=Confidence.LOW,
    ).finding(server)
