"""Pools of psycopg_pool in this process, from their `get_stats()`.

Only code in the pool's own process can see it: the source is any iterable of the pools there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial
from exporter.model.metric import counter, gauge
from exporter.model.table import Column, Table, Value

POOL = ("pool",)

CONNECTIONS = gauge(
    "psycopg_pool_connections", "Connections of the pool by state: idle or in_use.", (*POOL, "state")
)

GAUGES = {
    gauge("psycopg_pool_connections_min", "Connections that the pool keeps at least.", POOL): "pool_min",
    gauge("psycopg_pool_connections_max", "Connections that the pool may have.", POOL): "pool_max",
    gauge("psycopg_pool_connections_open",
          "Connections that the pool has, or is opening.", POOL): "pool_size",
    gauge("psycopg_pool_requests_waiting", "Requests that wait for a connection.", POOL): "requests_waiting",
}  # fmt: skip
COUNTERS = {
    counter("psycopg_pool_requests_total", "Requests for a connection.", POOL): "requests_num",
    counter("psycopg_pool_requests_queued_total", "Requests that had to wait.", POOL): "requests_queued",
    counter("psycopg_pool_requests_wait_seconds_total",
            "Seconds that requests waited for a connection.", POOL): "requests_wait_ms",
    counter("psycopg_pool_requests_errors_total",
            "Requests that got no connection: in time, or because too many waited.", POOL): "requests_errors",
    counter("psycopg_pool_usage_seconds_total",
            "Seconds that connections were in use within a connection() block.", POOL): "usage_ms",
    counter("psycopg_pool_returns_bad_total",
            "Connections that were given back broken.", POOL): "returns_bad",
    counter("psycopg_pool_connections_opened_total",
            "Attempts to open a connection.", POOL): "connections_num",
    counter("psycopg_pool_connect_seconds_total",
            "Seconds that it took to open connections.", POOL): "connections_ms",
    counter("psycopg_pool_connections_errors_total",
            "Attempts to open a connection that failed.", POOL): "connections_errors",
    counter("psycopg_pool_connections_lost_total",
            "Connections that the pool found dead.", POOL): "connections_lost",
}  # fmt: skip


class Pool(Protocol):
    """What is asked of a pool; each class of psycopg_pool fits."""

    @property
    def name(self) -> str:
        """The value of the label `pool`."""

    def get_stats(self) -> Mapping[str, int]:
        """Numbers by name; a counter that is 0 is left out."""


class Pools:
    """Reads the pools that there are at each scrape."""

    def __init__(self, pools: Iterable[Pool]) -> None:
        self._pools = pools

    async def collect(self, _deadline: Deadline) -> Sequence[Table]:
        """One row for each name; pools with the same name count as one.

        Raises:
            Partial: a pool's numbers could not be read.
        """
        stats: dict[str, dict[str, int]] = {}
        failed: Exception | None = None
        for pool in list(self._pools):
            try:
                name, numbers = pool.name, pool.get_stats()
            except Exception as error:  # noqa: BLE001  one pool must not hide the others
                failed = error
                continue
            known = stats.setdefault(name, {})
            for key, value in numbers.items():
                known[key] = known.get(key, 0) + value
        tables = _tables(stats)
        if failed is not None:
            raise Partial(tables, failed)
        return tables


def _tables(stats: Mapping[str, Mapping[str, int]]) -> list[Table]:
    counters = [Column(m, [_counted(s, key) for s in stats.values()]) for m, key in COUNTERS.items()]
    gauges = [Column(m, [s.get(key) for s in stats.values()]) for m, key in GAUGES.items()]
    by_state = [
        ((name, state), value)
        for name, s in stats.items()
        for state, value in (("idle", s.get("pool_available")), ("in_use", _in_use(s)))
    ]
    return [
        Table(POOL, [(name,) for name in stats], [*gauges, *counters]),
        Table(
            CONNECTIONS.labels, [row for row, _ in by_state], [Column(CONNECTIONS, [v for _, v in by_state])]
        ),
    ]


def _counted(stats: Mapping[str, int], key: str) -> Value:
    value = stats.get(key, 0)
    return value / 1000 if key.endswith("_ms") else value


def _in_use(stats: Mapping[str, int]) -> Value:
    if "pool_size" not in stats or "pool_available" not in stats:
        return None
    # The two are read one after the other while other threads use the pool.
    return max(0, stats["pool_size"] - stats["pool_available"])


def build(pools: Iterable[Pool]) -> Collect:
    """Reads the pools of one process."""
    return Pools(pools).collect


COLLECTOR = CollectorSpec(
    help="Connections, requests, waits and errors of the psycopg pools in this process.",
    source="psycopg_pool",
    metrics=(*GAUGES, CONNECTIONS, *COUNTERS),
    build=build,
    docs="https://www.psycopg.org/psycopg3/docs/advanced/pool.html#pool-stats",
    explain=lambda _major: "calls get_stats() of each pool",
)
