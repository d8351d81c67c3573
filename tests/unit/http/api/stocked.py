"""The API over what a configuration without servers would serve: figures of a host and of Redis servers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from time import time
from typing import Any

from exporter.http.api.app import Api
from exporter.http.served import Selection, Served, Watched
from exporter.model.collector import CollectorSpec, Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason
from exporter.model.metric import gauge
from exporter.model.snapshot import Outcome, Snapshot, State
from exporter.model.table import Table, by_row, single
from tests.unit.http.api.asking import SECRET, options

LOAD, MEMORY = gauge("node_load1", "."), gauge("node_memory_MemTotal_bytes", ".")
SIZE = gauge("node_filesystem_size_bytes", ".", ("device", "mountpoint"))
AVAILABLE = gauge("node_filesystem_avail_bytes", ".", ("device", "mountpoint"))
UP, KEYS = gauge("redis_up", "."), gauge("redis_db_keys", ".", ("db",))
PG_UP = gauge("pg_up", ".")
NAMED = Named("redis_up", "redis", CollectorSpec(
    help="Test.", source="redis", metrics=(UP,), build=lambda _source: None,  # type: ignore[arg-type,return-value]
))  # fmt: skip

HOST = [
    single({LOAD: "0.25", MEMORY: "1024"}),
    by_row(("device", "mountpoint"), (SIZE, AVAILABLE), [(("/dev/a", "/"), ("100", "25"))]),
]
NODES = [
    table._replace(constant=(("node", node),))
    for node, up in (("one:6379", 1), ("two:6379", 0))
    for table in (single({UP: up}), by_row(("db",), (KEYS,), [(("db0",), (3,)), (("db1",), (0,))]))
]
DOWN = Outcome(
    "postgres_up", "postgres", State.FAILED, 0.5, Reason.UNAVAILABLE, f"postgres at secret-host: {SECRET}"
)


class Scraped:
    """Gives the same each time, and counts how often it was asked for."""

    def __init__(self, tables: Collection[Table], outcomes: Collection[Outcome] = ()) -> None:
        self._tables = list(tables)
        self._outcomes = list(outcomes)
        self.asked: list[Selection] = []

    async def __call__(self, _deadline: Deadline, selection: Selection) -> Snapshot:
        self.asked.append(selection)
        return Snapshot(time(), self._tables, self._outcomes)

    def watched(self, **sources: Any) -> Watched:
        return Watched(self, [NAMED], [("redis", "secret-host:1")], 5.0, 0.5, sources=sources)


class Source:
    """Anything that a target has; nothing is asked of it."""


class Stocked:
    """The API over three targets: a host at the top level, Redis nodes, a PostgreSQL server that is down."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self.host = Scraped(HOST)
        self.cache = Scraped(NODES)
        self.orders = Scraped([single({PG_UP: 0})], [DOWN])
        targets: Mapping[str, Watched] = {
            "cache": self.cache.watched(redis=Source()),
            "orders": self.orders.watched(postgres=Source()),
        }
        self.served = Served(self.host.watched(host=Source()), targets, [NAMED], "target")
        self.api = Api(lambda: self.served, options(folder, **changed))
        self.app = self.api.app
