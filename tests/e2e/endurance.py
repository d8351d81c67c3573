"""Long runs beside the daemon, and what it holds meanwhile: memory, descriptors, threads, sessions.

The suite makes short ones, `make soak` those of the full length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic, sleep

import psutil

from tests.e2e.judge import Samples, failed, others_whole, reasons, timed_scrape, value
from tests.servers import Exporter, Postgres, Redis

ROLE, PASSWORD = "watcher", "watching"
TABLES_EACH = 5
TABLES_LIVE = 50
MEASURED_EVERY = 10

INTERVAL = 1.0
"""Seconds between the scrapes of a frozen server if not told, and the timeout that they announce."""

OUR_SESSIONS = f"SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}'"


@dataclass(frozen=True, slots=True)
class Held:
    """What the daemon holds between two scrapes.

    Attributes:
        memory: resident bytes of its process.
        session_memory: bytes that its sessions' server processes have for themselves, without the
            buffers that all share; 0 where the server was not asked.
        files: open file descriptors, sockets among them.
        threads: of its process.
    """

    memory: int
    session_memory: int
    files: int
    threads: int


def dsn_of_watcher(server: Postgres) -> str:
    """The DSN of a new role that may read all statistics."""
    server.execute(
        f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor; CREATE TABLE t (id int)"
    )
    return server.dsn(user=ROLE, password=PASSWORD)


def held(exporter: Exporter, sessions: Sequence[int] = ()) -> Held:
    """Measures now. `sessions` are process ids of the server's."""
    return Held(
        exporter.rss_bytes(),
        sum(map(_private_bytes, sessions)),
        exporter.open_fds(),
        psutil.Process(exporter.pid).num_threads(),
    )


def _private_bytes(pid: int) -> int:
    """RssAnon in /proc/PID/status; 0 for a session that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def scrape_changing_tables(exporter: Exporter, server: Postgres, scrapes: int) -> list[Held]:
    """Scrapes with new tables before each, and the oldest dropped: what is held after every tenth."""
    found = []
    with server.connect() as connection:
        for n in range(scrapes):
            for i in range(n * TABLES_EACH, (n + 1) * TABLES_EACH):
                connection.execute(f"CREATE TABLE table_{i} (id int PRIMARY KEY, note text)".encode())
                if i >= TABLES_LIVE:
                    connection.execute(f"DROP TABLE table_{i - TABLES_LIVE}".encode())
            if n % MEASURED_EVERY < MEASURED_EVERY - 1:
                exporter.scrape(timeout_header=10.0)
                continue
            samples = timed_scrape(exporter, 10.0)
            assert failed(samples) == set(), sorted(reasons(samples))
            found.append(held(exporter, [row[0] for row in connection.execute(OUR_SESSIONS).fetchall()]))
    newest = frozenset({("datname", "postgres"), ("schemaname", "public"), ("relname", f"table_{i}")})
    assert newest in samples["pg_stat_user_tables_seq_scan"]
    assert len(samples["pg_stat_user_tables_seq_scan"]) == TABLES_LIVE + 1
    return found


def growth(run: Sequence[Held], of: Callable[[Held], int]) -> float:
    """By which part the last quarter of a run is above the one before it."""
    quarter = len(run) // 4
    before, last = run[-2 * quarter : -quarter], run[-quarter:]
    return median(map(of, last)) / median(map(of, before)) - 1


def scrape_frozen(
    exporter: Exporter, postgres: Postgres, redis: Redis, seconds: float, *, every: float = INTERVAL
) -> list[Held]:
    """Scrapes both servers in this rhythm while they are frozen: what is held after each.

    Every page is there in time and says that both are down, and the first one after the end is whole.
    """
    found = []
    end = monotonic() + seconds
    postgres.freeze()
    redis.freeze()
    try:
        while (started := monotonic()) < end:
            down(timed_scrape(exporter, INTERVAL))
            found.append(held(exporter))
            sleep(max(0.0, started + every - monotonic()))
    finally:
        postgres.thaw()
        redis.thaw()
    others_whole(timed_scrape(exporter), "pool")
    return found


def down(samples: Samples) -> None:
    """Both servers are down, and the host is there."""
    assert value(samples, "pg_up") == 0
    assert value(samples, "redis_up") == 0
    others_whole(samples, "postgres", "redis", "pool")


def bounded(before: Held, meanwhile: Sequence[Held]) -> None:
    """Nothing piled up: a handful of descriptors, no threads, little memory."""
    assert max(h.files for h in meanwhile) <= before.files + 6
    assert max(h.threads for h in meanwhile) <= before.threads + 1
    assert max(h.memory for h in meanwhile) <= before.memory + 4_000_000
