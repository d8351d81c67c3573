"""Sessions of applications beside the sizes of their pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from exporter.collectors.pool.postgres_pools import COLLECTOR, STATES
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.rows import Rows


@dataclass
class Server:
    """Answers with these groups: application, state, sessions."""

    sizes: Sequence[tuple[str, int]]
    groups: Sequence[tuple[str, str, str]] = ()
    asked: list[str] = field(default_factory=list)

    @property
    def options(self) -> PostgresOptions:
        return PostgresOptions("", pool_sizes=self.sizes)

    async def fetch(self, sql: str, _deadline: Deadline) -> Rows:
        self.asked.append(sql)
        columns = list(zip(*self.groups, strict=True)) or [()] * 3
        return Rows(columns, ("a", "b", "c"), len(self.groups), 15)


async def collect(server: Server) -> dict[tuple[str, ...], Any]:
    return {
        (column.metric.name, *row): value
        for table in await COLLECTOR.build(server)(Deadline.after(1))
        for column in table.columns
        for row, value in zip(table.rows, column.values, strict=True)
    }


async def test_each_state_of_a_configured_pool_has_a_sample() -> None:
    found = await collect(
        Server([("web", 20), ("idle one", 3)], [("web", "idle", "4"), ("psql", "active", "1")])
    )
    assert found["pg_pool_size", "web"] == 20
    assert found["pg_pool_connections", "web", "idle"] == "4"
    zeros = {(app, state) for (_, app, *state_), v in found.items() if v == 0 for state in state_}
    assert zeros == {(app, s) for app in ("web", "idle one") for s in STATES} - {("web", "idle")}
    assert not [labels for labels in found if "psql" in labels]


async def test_a_state_that_the_role_may_not_see_counts_too() -> None:
    found = await collect(Server([("web", 20)], [("web", "unknown", "2")]))
    assert found["pg_pool_connections", "web", "unknown"] == "2"


async def test_nothing_is_asked_without_the_setting() -> None:
    server = Server([])
    with pytest.raises(Skip) as caught:
        await collect(server)
    assert (caught.value.reason, server.asked) == (Reason.NO_DATA, [])
