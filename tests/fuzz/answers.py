"""Inputs that are what servers and the kernel say, played back from recordings and spoilt."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from exporter.expose.text import TextEncoder
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import ExporterError, Partial
from exporter.sources.host.fake import FakeHost
from exporter.sources.pgbouncer import FakePgBouncer
from exporter.sources.redis.fake import FakeRedis
from tests import record_host, replay_pgbouncer, replay_redis
from tests.fuzz.mutate import spoilt
from tests.fuzz.runner import Target, Try

Made = Callable[[bytes], object]
"""A source that says what the case says."""


async def collected(spec: CollectorSpec, source: object) -> None:
    """Two runs, so that the second meets the state that the first has left, each as a page.

    Raises:
        ExporterError: as the collector declares it.
    """
    collect = spec.build(source)
    for _ in range(2):
        try:
            tables = await collect(Deadline.after(5))
        except Partial as some:
            tables = some.tables
        b"".join(TextEncoder().encode(tables))


@contextmanager
def _collecting(specs: Sequence[CollectorSpec], made: Made) -> Iterator[Try]:
    """Each case to a collector of its own choice, so that all get their share."""

    with asyncio.Runner() as runner:

        def attempt(case: bytes) -> None:
            rng = random.Random(case)
            refused: ExporterError | None = None
            source = made(case)
            for spec in rng.sample(specs, min(4, len(specs))):
                try:
                    runner.run(collected(spec, source))
                except ExporterError as error:
                    refused = error
            if refused is not None:
                raise refused

        yield attempt


def _redis_info(case: bytes) -> FakeRedis:
    server = replay_redis.played("8.2")
    server.info_text = case.decode(errors="replace")
    return server


def _redis_replies(case: bytes) -> FakeRedis:
    """The replies of all commands from the spoilt JSON; with what remains of it where it is cut."""
    server = replay_redis.played("8.2")
    with suppress(ValueError, RecursionError):
        replies = json.loads(case)
        if isinstance(replies, dict):
            server.replies.update({tuple(command.split()): reply for command, reply in replies.items()})
    return server


def _pgbouncer(case: bytes) -> FakePgBouncer:
    with suppress(ValueError, RecursionError):
        answers = json.loads(case)
        if _are_answers(answers):
            return FakePgBouncer(answers)
    return FakePgBouncer({})


def _are_answers(answers: Any) -> bool:
    """Whether it has the shape that the protocol guarantees: rows of columns that are text or NULL."""
    return isinstance(answers, Mapping) and all(
        isinstance(rows, list)
        and all(
            isinstance(row, dict) and all(value is None or isinstance(value, str) for value in row.values())
            for row in rows
        )
        for rows in answers.values()
    )


class _Spoilt(FakeHost):
    """The recorded machine, each file of which is spoilt in its own way."""

    def __init__(self, case: bytes) -> None:
        super().__init__(min(record_host.RECORDED.iterdir()))
        self._rng = random.Random(case)
        self._case = case

    def _content(self, path: str) -> bytes:
        content = super()._content(path)
        if self._rng.random() < 0.3:
            return content
        return spoilt(self._rng, [content, content, self._case])


def _kernel_files() -> list[bytes]:
    """The recorded files of the kernel that are text."""
    folder = min(record_host.RECORDED.iterdir())
    files = sorted(file for name in ("proc", "sys") for file in (folder / name).rglob("*") if file.is_file())
    return [file.read_bytes()[:20_000] for file in files]


def _redis_files(kind: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted(replay_redis.RECORDED.rglob(f"*.{kind}"))]


def _pgbouncer_files() -> list[bytes]:
    return [file.read_bytes() for file in sorted(replay_pgbouncer.RECORDED.glob("*.json"))]


def _host_specs() -> list[CollectorSpec]:
    return [record_host.spec(name) for name in record_host.ALL_NAMES]


def _redis_specs() -> list[CollectorSpec]:
    return list(replay_redis.collectors().values())


def _pgbouncer_specs() -> list[CollectorSpec]:
    return list(replay_pgbouncer.collectors().values())


TARGETS = (
    Target("Redis: INFO", lambda: _redis_files("txt"), lambda: _collecting(_redis_specs(), _redis_info)),
    Target(
        "Redis: other replies",
        lambda: _redis_files("json"),
        lambda: _collecting(_redis_specs(), _redis_replies),
    ),
    Target("PgBouncer: SHOW", _pgbouncer_files, lambda: _collecting(_pgbouncer_specs(), _pgbouncer)),
    Target("/proc and /sys", _kernel_files, lambda: _collecting(_host_specs(), _Spoilt)),
)
