"""SIGHUP and POST /-/reload: what changed takes effect, what is wrong does not, nobody is disturbed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.e2e.judge import Samples, failed, timed_scrape, value
from tests.servers import Exporter, Postgres, Redis, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("reload")]

OLD, NEW = "first-hunter1", "second-hunter2"


@dataclass
class Reloading:
    """A daemon with its configuration file."""

    exporter: Exporter
    file: Path
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, **sections: dict[str, Any]) -> None:
        """Writes the file: the settings so far, with these changed. JSON is YAML."""
        for name, keys in sections.items():
            self.settings.setdefault(name, {}).update(keys)
        # Replaced, not rewritten: a reload may come at any moment, and must not find half a file.
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(self.settings))
        new.replace(self.file)

    def by_signal(self) -> None:
        """SIGHUP, until the log says that it was dealt with."""
        before = len(self.exporter.log)
        os.kill(self.exporter.pid, signal.SIGHUP)
        end = monotonic() + 5
        while "configuration" not in self.exporter.log[before:]:
            assert monotonic() < end, "no answer to SIGHUP"
            sleep(0.01)

    def by_request(self) -> None:
        """POST /-/reload, whatever it says."""
        assert self.exporter.post("/-/reload").status in (200, 500)

    def state(self) -> tuple[float | None, float | None]:
        """Whether the newest attempt succeeded, and when the last good one was."""
        samples = timed_scrape(self.exporter)
        name = "exporter_config_last_reload"
        return value(samples, f"{name}_successful"), value(samples, f"{name}_success_timestamp_seconds")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL with a role of its own for the daemon."""
    with require(Postgres) as server:
        server.execute("CREATE ROLE watcher LOGIN IN ROLE pg_monitor")
        yield server


@pytest.fixture
def reloading(server: Postgres, redis: Redis, tmp_path: Path) -> Iterator[Reloading]:
    """Watches that server through role `watcher`, whose password lies in a file."""
    server.execute(f"ALTER ROLE watcher PASSWORD '{OLD}'")
    (tmp_path / "password").write_text(OLD + "\n")
    exporter = Exporter(env={"EXPORTER_CONFIG__FILE": str(tmp_path / "config.yml")})
    made = Reloading(exporter, tmp_path / "config.yml")
    made.write(
        postgres={
            "dsn": f"host=127.0.0.1 port={server.port} user=watcher dbname=postgres",
            "password_file": str(tmp_path / "password"),
        },
        redis={"address": redis.url},
    )
    with exporter:
        up(timed_scrape(exporter))
        yield made


def up(samples: Samples) -> None:
    assert value(samples, "pg_up") == value(samples, "redis_up") == 1
    assert failed(samples) == set()


HOW = pytest.mark.parametrize("how", [Reloading.by_signal, Reloading.by_request], ids=["SIGHUP", "POST"])
How = Callable[[Reloading], None]


def test_a_get_does_not_reload(reloading: Reloading) -> None:
    before = reloading.state()
    assert reloading.exporter.get("/-/reload").status == 405
    assert reloading.state() == before


@HOW
def test_a_new_password_in_its_file(reloading: Reloading, server: Postgres, how: How) -> None:
    server.execute(f"ALTER ROLE watcher PASSWORD '{NEW}'")
    server.restart()
    assert value(timed_scrape(reloading.exporter), "pg_up") == 0
    (reloading.file.parent / "password").write_text(NEW)
    how(reloading)

    up(timed_scrape(reloading.exporter))
    assert "hunter" not in reloading.exporter.log


@HOW
def test_another_server(reloading: Reloading, postgres: Postgres, how: How) -> None:
    before = reloading.state()
    reloading.write(postgres={"dsn": postgres.dsn(), "password_file": None})
    how(reloading)

    samples = timed_scrape(reloading.exporter)
    up(samples)
    (static,) = samples["pg_static"]
    assert dict(static)["server"] == f"127.0.0.1:{postgres.port}"
    after = reloading.state()
    assert after[0] == 1
    assert (after[1] or 0) > (before[1] or 0)


BAD_FILES = (
    ("{", "YAML"),
    ("postgres: [1, 2", "YAML"),
    ("- a\n- b\n", "expected keys"),
    ("postgres: {dns: host=127.0.0.1}\n", "postgres.dns"),
    ("postgresql: {dsn: host=127.0.0.1}\n", "postgresql"),
    ("scrape: {timeout_seconds: soon}\n", "scrape.timeout_seconds"),
    ("postgres: {password_file: /nowhere/password}\n", "/nowhere/password"),
    ("postgres: {dsn: 'postgresql://u:hunter3@[x/db'}\n", "postgres.dsn"),
    ("collector: {cpus: false}\n", "collector.cpus"),
    ("\x00\xff", "YAML"),
)
"""What stands in the file, and a word of what is said about it."""


@HOW
def test_a_bad_file_changes_nothing(reloading: Reloading, how: How) -> None:
    before, good = reloading.state(), reloading.file.read_text()
    for text, said in BAD_FILES:
        start = len(reloading.exporter.log)
        reloading.file.write_text(text)
        how(reloading)

        assert reloading.state() == (0, before[1])
        assert said in reloading.exporter.log[start:]
        answer = reloading.exporter.post("/-/reload")
        assert answer.status == 500
        assert said in answer.text
        assert "hunter" not in answer.text + reloading.exporter.log
    up(timed_scrape(reloading.exporter))

    reloading.file.write_text(good)
    how(reloading)
    after = reloading.state()
    assert after[0] == 1
    assert (after[1] or 0) > (before[1] or 0)
    up(timed_scrape(reloading.exporter))


def test_a_file_that_is_gone_changes_nothing(reloading: Reloading) -> None:
    reloading.file.unlink()
    assert reloading.exporter.post("/-/reload").status == 500
    up(timed_scrape(reloading.exporter))


@HOW
def test_collectors_are_switched(reloading: Reloading, how: How) -> None:
    reloading.write(collector={"loadavg": False}, host={"netdev_device_exclude": ".*"})
    how(reloading)
    samples = timed_scrape(reloading.exporter)

    assert "node_load1" not in samples
    assert "node_network_receive_bytes_total" not in samples
    up(samples)


@HOW
def test_a_target_is_taken_out_and_put_back(reloading: Reloading, redis: Redis, how: How) -> None:
    del reloading.settings["redis"]
    reloading.write()
    how(reloading)
    samples = timed_scrape(reloading.exporter)
    assert not any(name.startswith("redis_") for name in samples)
    assert value(samples, "pg_up") == 1
    reloading.write(redis={"address": redis.url})
    how(reloading)

    up(timed_scrape(reloading.exporter))


def test_an_unchanged_file_keeps_the_sessions(reloading: Reloading, server: Postgres) -> None:
    sql = "SELECT pid FROM pg_stat_activity WHERE usename = 'watcher' ORDER BY 1"
    timed_scrape(reloading.exporter)
    before = server.execute(sql)
    reloading.by_request()
    timed_scrape(reloading.exporter)

    assert before
    assert server.execute(sql) == before


def test_the_address_of_the_page_stays_and_the_log_says_so(reloading: Reloading) -> None:
    reloading.write(web={"telemetry_path": "/elsewhere"})
    assert reloading.exporter.post("/-/reload").status == 200

    up(timed_scrape(reloading.exporter))
    assert "section web take effect at the next start" in reloading.exporter.log


def test_scrapes_go_on_while_it_reloads(reloading: Reloading, server: Postgres) -> None:
    exporter = reloading.exporter
    before = exporter.open_fds()
    with ThreadPoolExecutor(4) as clients:
        pages = [clients.submit(timed_scrape, exporter, 10.0) for _ in range(60)]
        for n in range(20):
            reloading.write(scrape={"series_limit": 100_000 + n})
            assert exporter.post("/-/reload").status == 200
        for page in pages:
            up(page.result())

    sleep(1.0)
    up(timed_scrape(exporter))
    assert exporter.open_fds() <= before + 4
    ((sessions,),) = server.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'watcher'")
    assert sessions <= 3


def test_many_signals_at_once(reloading: Reloading) -> None:
    for n in range(30):
        reloading.write(scrape={"series_limit": 200_000 + n})
        os.kill(reloading.exporter.pid, signal.SIGHUP)
    up(timed_scrape(reloading.exporter))
    reloading.by_request()

    assert reloading.state()[0] == 1
    up(timed_scrape(reloading.exporter))


def test_reload_by_request_can_be_switched_off(redis: Redis) -> None:
    with Exporter(redis__address=redis.url, web__enable_reload="false") as exporter:
        assert exporter.post("/-/reload").status == 404
        os.kill(exporter.pid, signal.SIGHUP)
        end = monotonic() + 5
        while "configuration reloaded" not in exporter.log:
            assert monotonic() < end
            sleep(0.01)
