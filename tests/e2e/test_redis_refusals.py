"""The daemon beside a Redis that answers no: to a command, to one client too many, or for the moment."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import redis as redis_py

from exporter.collectors import discover
from tests.e2e.judge import (
    Samples,
    count_lines,
    failed,
    others_whole,
    reasons,
    timed_scrape,
    value,
)
from tests.servers import Exporter, PgBouncer, Postgres, Redis, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("redis_refusals")]

TARGET = "redis at"
USER, PASSWORD = "watcher", "watching"

SPECS = {name: named.spec for name, named in discover().items() if named.family == "redis"}
ALL_ON: dict[str, Any] = {
    f"collector__{name}": True for name, spec in SPECS.items() if spec.every_seconds is None
}
"""All that is asked for at each scrape, also what is off by default."""

SKIPPED = "exporter_collector_skipped"
UNREFUSABLE = {"auth", "hello", "info", "config|resetstat", "client|setinfo"}
"""Commands that everybody may run, or the test itself; INFO has a test of its own."""

FOR_NOBODY = {"ping", "client_setname"}
"""What belongs to the connection: no figure on the page comes from it."""


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with require(Redis) as server:
        server.execute("SET", "key", "value")
        yield server


@pytest.fixture(scope="module")
def daemon(server: Redis, postgres: Postgres, pgbouncer: PgBouncer) -> Iterator[Exporter]:
    allow(server)
    with Exporter(
        postgres__dsn=postgres.dsn(),
        pgbouncer__dsn=pgbouncer.dsn(user="stats"),
        redis__address=f"redis://{USER}:{PASSWORD}@127.0.0.1:{server.port}",
        **ALL_ON,
    ) as daemon:
        timed_scrape(daemon, 10.0)
        yield daemon


@pytest.fixture
def exporter(daemon: Exporter, server: Redis) -> Iterator[Exporter]:
    """Whole at the first scrape after the test, as it was before."""
    yield daemon
    allow(server)
    whole(timed_scrape(daemon))


def allow(server: Redis, *but: str) -> None:
    """Gives our user all rights but those, on a new connection."""
    server.execute("ACL", "SETUSER", USER, "reset", "on", f">{PASSWORD}", "~*", "+@all", *but)
    server.execute("CLIENT", "KILL", "USER", USER)


def whole(samples: Samples) -> None:
    """The page shows everything."""
    others_whole(samples)
    assert {"redis_memory_used_bytes", "redis_config_maxclients", "redis_slowlog_length"} <= set(samples)


def refused(server: Redis) -> float:
    """How many commands the server has refused for lack of a right."""
    with server.client() as client:
        return float(client.info("errorstats").get("errorstat_NOPERM", {"count": 0})["count"])


def counted(server: Redis) -> set[str]:
    """The commands that it has run since the last reset: `config|get`."""
    with server.client() as client:
        return {name.removeprefix("cmdstat_") for name in client.info("commandstats")}


def of_target(samples: Samples, metric: str, name: str) -> dict[str, float]:
    """A metric about a named target's collectors, by the collector."""
    found = ((dict(labels), value) for labels, value in samples.get(metric, {}).items())
    return {labels["collector"]: value for labels, value in found if labels.get("target") == name}


def test_each_command_that_is_refused_takes_away_its_own_part_only(
    server: Redis, postgres: Postgres, pgbouncer: PgBouncer, tmp_path: Path
) -> None:
    """One target for each command that we run, as a user who may run all others."""
    top = {"postgres": {"dsn": postgres.dsn()}, "pgbouncer": {"dsn": pgbouncer.dsn(user="stats")}}
    allow(server)
    url = f"redis://{{}}:{PASSWORD}@127.0.0.1:{server.port}"
    file = tmp_path / "exporter.yml"
    file.write_text(json.dumps({**top, "targets": {"all": {"redis": {"address": url.format(USER)}}}}))
    with Exporter(arguments=[f"--config.file={file}"], **ALL_ON) as exporter:
        server.execute("CONFIG", "RESETSTAT")
        full = of_target(timed_scrape(exporter, 10.0), "exporter_collector_success", "all")
        lacking = {name.replace("|", "_"): name for name in counted(server) - UNREFUSABLE}
        targets = {name: {"redis": {"address": url.format(name)}} for name in lacking}
        for name, command in lacking.items():
            server.execute("ACL", "SETUSER", name, "on", f">{PASSWORD}", "~*", "+@all", f"-{command}")
        file.write_text(json.dumps({**top, "targets": targets}))
        assert exporter.post("/-/reload").status == 200
        before = refused(server)
        for _ in range(3):
            samples = timed_scrape(exporter, 10.0)
        assert before < refused(server) <= before + len(lacking), "each is refused once"

    assert {"config_get", "slowlog_get", "slowlog_len", "latency_latest", "ping"} <= lacking.keys()
    others_whole(samples, "redis")
    lost = {name: full.keys() - _got(samples, name) for name in lacking}
    for name in lacking:
        reasons = [of["reason"] for of in map(dict, samples[SKIPPED]) if of.get("target") == name]
        assert lost[name] <= of_target(samples, SKIPPED, name).keys()
        assert lost[name] == set() or "permission" in reasons
    assert all(lost[name] == set() for name in FOR_NOBODY & lost.keys())
    assert lost["config_get"] >= {"redis_config"}
    assert lost["slowlog_get"] >= {"redis_slowlog"}
    up = {dict(labels)["target"]: value for labels, value in samples["redis_up"].items()}
    assert up == dict.fromkeys(lacking, 1)
    assert max(map(len, lost.values())) < len(full) / 2


def _got(samples: Samples, target: str) -> set[str]:
    """The target's collectors that gave all they should."""
    success = of_target(samples, "exporter_collector_success", target)
    return {name for name, value in success.items() if value}


def test_without_info_there_is_nothing_and_the_remedy_is_told(exporter: Exporter, server: Redis) -> None:
    allow(server, "-info")
    before = refused(server)
    for _ in range(2):
        samples = timed_scrape(exporter)
        assert value(samples, "redis_up") == 0
        assert ("redis_up", "permission") in reasons(samples)
        assert "redis_memory_used_bytes" not in samples
        others_whole(samples, "redis")

    assert refused(server) <= before + 1
    assert f"ACL SETUSER {USER} +info" in exporter.log


def test_busy_with_a_script(exporter: Exporter, server: Redis) -> None:
    server.execute("CONFIG", "SET", "lua-time-limit", "20")
    script = threading.Thread(target=_spin, args=(server,))
    script.start()
    try:
        _until_busy(server)
        for _ in range(2):
            samples = timed_scrape(exporter)
            assert value(samples, "redis_up") == 0
            assert ("redis_up", "unavailable") in reasons(samples)
            assert not {name for name in samples if name.startswith(("redis_memory", "redis_config"))}
            others_whole(samples, "redis")
    finally:
        server.execute("SCRIPT", "KILL")
        script.join()

    whole(timed_scrape(exporter))
    assert "BUSY" in exporter.log


def _spin(server: Redis) -> None:
    with suppress(redis_py.RedisError):
        server.execute("EVAL", "while true do end", 0)


def _until_busy(server: Redis) -> None:
    end = monotonic() + 5
    while monotonic() < end:
        try:
            server.execute("PING")
        except redis_py.ResponseError:
            return
        sleep(0.01)
    raise AssertionError("the script never ran")


def test_no_place_for_another_client(exporter: Exporter, server: Redis) -> None:
    before = count_lines(exporter.log, "target is down", TARGET)
    with server.client() as kept:
        limit = kept.config_get("maxclients")["maxclients"]
        kept.client_kill_filter(user=USER)
        kept.config_set("maxclients", "1")
        try:
            for _ in range(3):
                samples = timed_scrape(exporter)
                assert value(samples, "redis_up") == 0
                assert ("redis_up", "unavailable") in reasons(samples)
                others_whole(samples, "redis")
        finally:
            kept.config_set("maxclients", limit)

    whole(timed_scrape(exporter))
    assert "max number of clients" in exporter.log
    assert count_lines(exporter.log, "target is down", TARGET) == before + 1


def test_a_replica_that_has_lost_its_master_and_may_not_serve(
    postgres: Postgres, pgbouncer: PgBouncer
) -> None:
    """It answers MASTERDOWN to what reads keys, and the rest as ever."""
    with (
        require(Redis, settings={"repl-diskless-sync-delay": "0"}) as master,
        require(Redis, settings={"replica-serve-stale-data": "no"}) as replica,
        Exporter(
            postgres__dsn=postgres.dsn(),
            pgbouncer__dsn=pgbouncer.dsn(user="stats"),
            redis__address=replica.url,
        ) as exporter,
    ):
        replica.execute("REPLICAOF", "127.0.0.1", master.port)
        _until_linked(exporter, up=True)
        master.kill()
        samples = _until_linked(exporter, up=False)
        with pytest.raises(redis_py.ResponseError, match="Link with MASTER is down"):
            replica.execute("GET", "key")
        whole(samples)
        master.start()

        whole(_until_linked(exporter, up=True))
        assert failed(timed_scrape(exporter)) == set()


def _until_linked(exporter: Exporter, *, up: bool) -> Samples:
    """The first page that says so of the link to the master."""
    end = monotonic() + 20
    while monotonic() < end:
        samples = timed_scrape(exporter)
        if set(samples.get("redis_master_link_up", {}).values()) == {float(up)}:
            return samples
        sleep(0.05)
    raise AssertionError(f"the link never was {'up' if up else 'down'}")
