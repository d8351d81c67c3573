"""slow_queries.log and callbacks of the daemon: written, carried on over a reload, taken away, given back."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest

from tests.e2e.judge import Samples, failed, timed_scrape, value
from tests.servers import Exporter, Postgres, Redis, catalogue, folders, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("slow_log")]

SECRET = "hunter2"
CALLBACK = '''\
"""A callback of another distribution."""

import os


def told(query):
    with open(os.environ["TOLD"], "a") as file:
        print(query.kind, query.text, file=file)


def fails(query):
    raise ValueError("hunter2")
'''
DISTRIBUTION = {
    "METADATA": "Metadata-Version: 2.1\nName: listens\nVersion: 1.0\n",
    "entry_points.txt": "[datastack_exporter.slow_queries]\ntold = listens:told\nfails = listens:fails\n",
    "RECORD": "",
}


def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The first true thing that it gives."""
    end = monotonic() + seconds
    while not (found := condition()):
        assert monotonic() < end, "it did not come about"
        sleep(0.05)
    return found


def lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / "slow_queries.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Watched:
    """A daemon that watches both servers, with a folder for its log."""

    def __init__(self, postgres: Postgres, redis: Redis) -> None:
        home = folders.new("slow-log")
        self.folder, self.told, self.config = home / "logs", home / "told", home / "config.yml"
        self.folder.mkdir()
        self.redis = redis
        self._settings: dict[str, dict[str, Any]] = {
            "postgres": {"dsn": postgres.dsn(), "slow_running_seconds": 0.2},
            "redis": {"address": redis.url},
            "host": {"enabled": False},
            "slow_queries": {"directory": str(self.folder)},
        }
        self.write()
        (home / "listens.py").write_text(CALLBACK)
        info = home / "listens-1.0.dist-info"
        info.mkdir()
        for name, text in DISTRIBUTION.items():
            (info / name).write_text(text)
        env = {"PYTHONPATH": os.pathsep.join([str(home), str(catalogue.ROOT)]), "TOLD": str(self.told)}
        self.exporter = Exporter(env=env | {"EXPORTER_CONFIG__FILE": str(self.config)})

    def write(self, **sections: dict[str, Any]) -> None:
        for name, keys in sections.items():
            self._settings[name].update(keys)
        self.config.write_text(json.dumps(self._settings))

    def reload(self) -> None:
        before = len(self.exporter.log)
        os.kill(self.exporter.pid, signal.SIGHUP)
        until(lambda: "configuration reloaded" in self.exporter.log[before:])

    def call(self, value: str = SECRET) -> Samples:
        """A slow call in Redis, and the page that has seen it."""
        self.redis.execute("SET", "key", value)
        samples = timed_scrape(self.exporter)
        assert failed(samples) == set()
        return samples

    def written(self) -> int:
        """Calls of SET that are in the log."""
        return sum(line["operation"] == "set" for line in lines(self.folder))

    def is_up(self, expected: int) -> bool:
        return value(timed_scrape(self.exporter), "exporter_slow_query_log_up") == expected

    def said(self, event: str) -> int:
        return self.exporter.log.count(f'event="{event}"')


@contextmanager
def sleeping(postgres: Postgres) -> Iterator[int]:
    """A session whose query runs until the end of the block: its process."""
    with postgres.connect() as session:
        pid = session.info.backend_pid

        def run() -> None:
            with suppress(psycopg.Error):
                session.execute(f"SELECT pg_sleep(60), '{SECRET}'".encode())

        thread = Thread(target=run)
        thread.start()
        old = f"""SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'
                  AND clock_timestamp() - query_start > interval '0.3 s'"""
        try:
            until(lambda: postgres.execute(old))
            yield pid
        finally:
            postgres.execute(f"SELECT pg_cancel_backend({pid})")
            thread.join(10)


@pytest.fixture
def watched(postgres: Postgres) -> Iterator[Watched]:
    """With a Redis for which every call is slow. The daemon is not started yet."""
    with require(Redis) as redis:
        redis.execute("CONFIG", "SET", "slowlog-log-slower-than", "0")
        watched = Watched(postgres, redis)
        try:
            yield watched
        finally:
            watched.exporter.stop()


def test_it_is_written_whatever_happens_to_it(postgres: Postgres, watched: Watched) -> None:
    exporter = watched.exporter
    with sleeping(postgres) as pid:
        exporter.start()
        (first,) = until(lambda: of(watched, pid))
        assert (first["kind"], first["ended"], first["datname"]) == ("running", False, "postgres")
        watched.call()
        watched.call()
        until(lambda: watched.written() == 1)

        watched.write(slow_queries={"kept": 7})
        watched.reload()
        watched.call()
        until(lambda: watched.written() == 2)
    assert len(of(watched, pid)) == 1, "a reload reports nothing anew"

    shutil.rmtree(watched.folder)
    watched.call()
    until(lambda: watched.is_up(0))
    watched.folder.mkdir()
    watched.call()
    until(lambda: watched.written() == 1)
    assert watched.said("slow query log can't be written") == 1

    room = (watched.folder / "slow_queries.log").stat().st_size + 10
    resource.prlimit(exporter.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    watched.call()
    until(lambda: watched.is_up(0))
    assert watched.written() == 1, "whole lines only"
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(exporter.pid, resource.RLIMIT_FSIZE, unlimited)
    watched.call()
    until(lambda: watched.written() == 2)

    (ended,) = until(lambda: of(watched, pid))
    assert ended["ended"]
    assert (watched.folder / "slow_queries.log").stat().st_mode & 0o137 == 0
    text = exporter.scrape()
    exporter.stop()
    assert watched.said("slow query log is written") == 1 + 2, "at the start, and each time it is back"
    assert watched.said("slow query callback fails") == 1
    told = watched.told.read_text()
    assert "running SELECT pg_sleep(" in told
    everything = (text, exporter.log, told, (watched.folder / "slow_queries.log").read_text())
    assert [SECRET in one for one in everything] == [False] * 4


def of(watched: Watched, pid: int) -> list[dict[str, Any]]:
    return [line for line in lines(watched.folder) if line["pid"] == pid]
