"""What Redis servers have answered once, as sources for the collectors, and the pages that come of it."""

from __future__ import annotations

import json
from pathlib import Path

from exporter.collectors import discover
from exporter.expose.text import TextEncoder
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.table import Table
from exporter.sources.redis import Command, Reply
from exporter.sources.redis.fake import FakeRedis

RECORDED = Path(__file__).parent / "recorded" / "redis"
GOLDEN = Path(__file__).parent / "golden" / "redis"

RECORDINGS = ("6.2", "7.0", "8.2", "7.0-replica", "8.2-cluster")

# It is reckoned from the clock of the machine that plays the recording back.
NOT_IN_GOLDEN = "redis_start_time_seconds"


def collectors() -> dict[str, CollectorSpec]:
    """All of the family, by name."""
    return {name: named.spec for name, named in discover().items() if named.family == "redis"}


def info_text(recording: str) -> str:
    """The reply of INFO ALL."""
    return (RECORDED / f"{recording}.txt").read_text()


def played(recording: str) -> FakeRedis:
    """A server that answers as the recorded one did."""
    raw = json.loads((RECORDED / f"{recording}.json").read_text())
    replies: dict[Command, Reply] = {tuple(command.split()): reply for command, reply in raw.items()}
    return FakeRedis(info_text(recording), replies)


def save(recording: str, info: str, replies: dict[Command, Reply]) -> None:
    """Writes what `played` reads."""
    RECORDED.mkdir(parents=True, exist_ok=True)
    (RECORDED / f"{recording}.txt").write_text(info.replace("\r\n", "\n"))
    named = {" ".join(command): reply for command, reply in replies.items()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(reply)}" for name, reply in named.items())
    (RECORDED / f"{recording}.json").write_text(f"{{\n{lines}\n}}\n")


def golden(recording: str) -> Path:
    """The file with the page that is expected."""
    return GOLDEN / f"{recording}.txt"


async def tables(source: object) -> list[Table]:
    """What all collectors give, in order of their names."""
    found: list[Table] = []
    for spec in collectors().values():
        try:
            found += await spec.build(source)(Deadline.after(5))
        except Skip:
            continue
    return found


async def page(source: object) -> str:
    """The page of all collectors."""
    text = b"".join(TextEncoder().encode(await tables(source))).decode()
    return "".join(line for line in text.splitlines(keepends=True) if NOT_IN_GOLDEN not in line)
