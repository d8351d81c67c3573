"""What Redis servers have answered once, as sources for the collectors, and the pages that come of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from exporter.collectors import discover
from exporter.expose.text import TextEncoder
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Skip
from exporter.model.table import Table
from exporter.sources.redis import Command, Reply
from exporter.sources.redis.fake import FakeRedis

RECORDED = Path(__file__).parent / "recorded" / "redis"
GOLDEN = Path(__file__).parent / "golden" / "redis"

RECORDINGS = ("6.2", "7.0", "8.2", "7.0-replica", "8.2-cluster", "8.2-sentinel")
WRITTEN = (
    "valkey-8.0",
    "valkey-8.1",
    "valkey-9.1",
    "keydb-6.3",
    "dragonfly",
    "serverless",
    "modules-redis",
    "modules-valkey",
)
"""Written from lists of fields, not captured: see the README beside them."""

OPTIONAL = frozenset(
    {
        "redis_client_list",
        "redis_clients",
        "redis_command_latency",
        "redis_configuration",
        "redis_modules",
        "redis_rdb_file",
        "redis_search_indexes",
        "redis_sentinel_config",
        "redis_sentinel_peers",
    }
)
"""Off by default, and on the pages here as well."""

# They are reckoned from the clock of the machine that plays the recording back.
NOT_IN_GOLDEN = (
    "redis_start_time_seconds",
    "redis_clock_skew_seconds",
    "redis_connected_client_created_at_timestamp",
    "redis_connected_client_idle_since_timestamp",
)


def collectors() -> dict[str, CollectorSpec]:
    """Those of the family that ask a server for something other than keys, by name."""
    found = {name: named.spec for name, named in discover().items() if named.family == "redis"}
    return {name: spec for name, spec in found.items() if spec.default or name in OPTIONAL}


def by_default() -> dict[str, CollectorSpec]:
    """Those that are on unless switched off, by name."""
    return {name: spec for name, spec in collectors().items() if spec.default}


def info_text(recording: str) -> str:
    """The reply of INFO ALL."""
    return _file(recording, "txt").read_text()


def played(recording: str) -> FakeRedis:
    """A server that answers as the recorded one did."""
    raw = json.loads(_file(recording, "json").read_text())
    replies: dict[Command, Reply] = {tuple(command.split()): reply for command, reply in raw.items()}
    return FakeRedis(info_text(recording), replies)


def _file(recording: str, kind: str) -> Path:
    folder = RECORDED / "written" if recording in WRITTEN else RECORDED
    return folder / f"{recording}.{kind}"


def save(recording: str, info: str, replies: dict[Command, Reply]) -> None:
    """Writes what `played` reads."""
    RECORDED.mkdir(parents=True, exist_ok=True)
    (RECORDED / f"{recording}.txt").write_text(info.replace("\r\n", "\n"))
    named = {" ".join(command): reply for command, reply in replies.items()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(reply)}" for name, reply in named.items())
    (RECORDED / f"{recording}.json").write_text(f"{{\n{lines}\n}}\n")


def golden(recording: str) -> Path:
    """The file with the page that is expected."""
    return GOLDEN / (f"written-{recording}.txt" if recording in WRITTEN else f"{recording}.txt")


async def tables(source: object, chosen: Mapping[str, CollectorSpec] | None = None) -> list[Table]:
    """What the chosen collectors give, or all, in order of their names."""
    found: list[Table] = []
    for spec in (collectors() if chosen is None else chosen).values():
        try:
            found += await spec.build(source)(Deadline.after(5))
        except Skip:
            continue
        except Partial as some:
            found += some.tables
    return found


async def page(source: object) -> str:
    """The page of all collectors."""
    text = b"".join(TextEncoder().encode(await tables(source))).decode()
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not any(name in line for name in NOT_IN_GOLDEN))
