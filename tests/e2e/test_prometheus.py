"""A real Prometheus reads one daemon as the four jobs that published rules and dashboards know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import Exporter, Prometheus, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("prometheus")]

COLLECT = {"postgres": "postgres", "redis": "redis", "node": "host", "pgbouncer": "pool"}
"""Job -> what it asks for."""

PREFIXES = {
    "postgres": ("pg_",),
    "redis": ("redis_",),
    "node": ("node_", "container_", "namedprocess_"),
    "pgbouncer": ("pgbouncer_", "psycopg_pool_"),
}
"""Job -> how the names begin that it may have."""

EVERYWHERE = ("exporter_", "process_", "scrape_")
"""What is about the daemon itself, or about the scrape."""


@pytest.fixture(scope="module")
def prometheus(stack: Exporter) -> Iterator[Prometheus]:
    jobs = [
        {
            "job_name": job,
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "params": {"collect[]": [family]},
            "static_configs": [{"targets": [f"127.0.0.1:{stack.port}"]}],
        }
        for job, family in COLLECT.items()
    ]
    with require(Prometheus, {"scrape_configs": jobs}) as server:
        server.wait_for("count(up) == 4 and count(max_over_time(up[1m]) == 1) == 4")
        yield server


def test_every_target_is_up(prometheus: Prometheus) -> None:
    targets = prometheus.api("targets", state="active")["activeTargets"]

    assert {t["labels"]["job"]: (t["health"], t["lastError"]) for t in targets} == dict.fromkeys(
        COLLECT, ("up", "")
    )


@pytest.mark.parametrize(
    "query",
    [
        'pg_up{job="postgres"} == 1',
        'pg_stat_database_xact_commit{job="postgres", datname="postgres"} > 0',
        'pg_settings_max_connections{job="postgres"} > 0',
        'pg_static{job="postgres", short_version=~"15.*"} == 1',
        'redis_up{job="redis"} == 1',
        'redis_memory_used_bytes{job="redis"} > 0',
        'redis_commands_processed_total{job="redis"} > 0',
        'node_load1{job="node"}',
        'node_memory_MemTotal_bytes{job="node"} > 0',
        'node_cpu_seconds_total{job="node", mode="idle"} > 0',
        'node_filesystem_size_bytes{job="node"} > 0',
        'pgbouncer_up{job="pgbouncer"} == 1',
        'pgbouncer_databases_max_connections{job="pgbouncer"}',
        'sum by (job) (psycopg_pool_connections{job="pgbouncer"}) > 0',
        'increase(exporter_scrape_duration_seconds_count{job="postgres"}[1m]) > 0',
        'histogram_quantile(0.9, rate(exporter_scrape_duration_seconds_bucket{job="redis"}[1m])) > 0',
        'rate(node_cpu_seconds_total{job="node", mode="user"}[1m]) >= 0',
    ],
)
def test_a_query_finds_data(prometheus: Prometheus, query: str) -> None:
    assert prometheus.wait_for(query)


def test_no_job_has_what_is_anothers(prometheus: Prometheus) -> None:
    found = prometheus.query('count by (job, __name__) ({job!=""})')
    foreign = {
        (line["metric"]["job"], name)
        for line in found
        if (name := line["metric"]["__name__"]) != "up"
        and not name.startswith((*PREFIXES[line["metric"]["job"]], *EVERYWHERE))
    }

    assert foreign == set()
    assert {line["metric"]["job"] for line in found} == set(COLLECT)
    for job, prefixes in PREFIXES.items():
        names = [line["metric"]["__name__"] for line in found if line["metric"]["job"] == job]
        assert all(any(name.startswith(prefix) for name in names) for prefix in prefixes), job


def test_no_job_has_the_collectors_of_another(prometheus: Prometheus) -> None:
    found = prometheus.query('count by (job, family) ({__name__=~"exporter_collector_.*"})')

    assert {(line["metric"]["job"], line["metric"]["family"]) for line in found} == set(COLLECT.items())


def test_types_and_helps_are_what_the_page_says(prometheus: Prometheus, stack: Exporter) -> None:
    """Prometheus gives a counter's full name; prometheus_client's parser takes `_total` off."""
    known = prometheus.api("metadata")
    for family in stack.parsed().values():
        name = family.name if family.name in known else f"{family.name}_total"
        assert [(entry["type"], entry["help"]) for entry in known[name]] == [
            (family.type, family.documentation)
        ], name
