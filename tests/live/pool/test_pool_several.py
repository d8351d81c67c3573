"""Two PgBouncers and the pools of applications through one daemon: side by side, and one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.live.pool.workload import bouncer, client
from tests.servers import Exporter, PgBouncer, Postgres
from tests.servers.page import TIMEOUT_HEADER, Labels, samples_of

pytestmark = pytest.mark.live

Samples = dict[str, dict[Labels, float]]


@dataclass
class Two:
    """The daemon and its PgBouncers."""

    exporter: Exporter
    east: PgBouncer
    west: PgBouncer

    def probe(self, name: str) -> Samples:
        answer = self.exporter.get("/probe", params={"target": name}, headers={TIMEOUT_HEADER: "5"})
        assert answer.status == 200, answer.text
        return samples_of(answer.text)


@pytest.fixture(scope="module")
def two(postgres: Postgres) -> Iterator[Two]:
    with (
        bouncer(postgres, default_pool_size="3") as east,
        bouncer(postgres, default_pool_size="4") as west,
        Exporter(
            host__enabled="false",
            postgres__dsn=postgres.dsn(),
            postgres__pool_sizes="web=20,job=5",
            targets__east__pgbouncer__dsn=east.dsn(user="stats"),
            targets__east__labels="zone=e",
            targets__east__pgbouncer__application_names="1",
            targets__west__pgbouncer__dsn=west.dsn(user="stats"),
            targets__west__pgbouncer__pid_file="/nowhere/pgbouncer.pid",
        ) as exporter,
    ):
        yield Two(exporter, east, west)


def by(samples: Samples, metric: str, label: str) -> dict[str | None, float]:
    return {dict(labels).get(label): value for labels, value in samples.get(metric, {}).items()}


def test_both_stand_side_by_side_with_their_labels(two: Two) -> None:
    samples = two.exporter.samples()
    assert by(samples, "pgbouncer_up", "target") == {"east": 1, "west": 1}
    assert by(samples, "pgbouncer_up", "zone") == {"e": 1, None: 1}
    assert by(samples, "pgbouncer_config_default_pool_size", "target") == {"east": 3, "west": 4}
    for labels in samples["pgbouncer_pools_size_limit"]:
        assert (dict(labels)["target"] == "east") == (dict(labels).get("zone") == "e")


def test_each_has_its_own_settings(two: Two) -> None:
    with client(two.east, "forced", "one") as _one, client(two.east, "forced", "two") as _two:
        found = two.probe("east")["pgbouncer_client_connections"]
    assert "other" in {dict(labels)["application_name"] for labels in found}
    samples = two.exporter.samples()
    failed = [dict(k) for k, v in samples["exporter_collector_success"].items() if v == 0]
    assert [(f["collector"], f["target"]) for f in failed] == [("pgbouncer_process", "west")]


def test_each_is_probed_alone(two: Two) -> None:
    east, west = two.probe("east"), two.probe("west")
    assert by(east, "pgbouncer_config_default_pool_size", "zone") == {"e": 3}
    assert by(west, "pgbouncer_config_default_pool_size", "zone") == {None: 4}


def test_one_that_is_gone_takes_nothing_from_the_other(two: Two) -> None:
    two.west.stop()
    try:
        samples = two.exporter.samples()
        assert by(samples, "pgbouncer_up", "target") == {"east": 1, "west": 0}
        assert by(samples, "pgbouncer_pools", "target").keys() == {"east"}
    finally:
        two.west.start()
    assert by(two.exporter.samples(), "pgbouncer_up", "target") == {"east": 1, "west": 1}


def test_pools_of_applications_by_their_configured_size(two: Two) -> None:
    samples = two.exporter.samples()
    assert by(samples, "pg_pool_size", "application_name") == {"web": 20, "job": 5}
    assert len(samples["pg_pool_connections"]) == 12
