"""Error replies by their first word, from INFO's section Errorstats (6.2 and newer)."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter
from exporter.model.table import Table, by_row
from exporter.sources.redis import RedisSource
from exporter.sources.redis.info import written

ERRORS = counter("redis_errors_total", "Error replies by their first word: ERR, NOAUTH, MOVED, ...", ("err",))


def build(redis: RedisSource) -> Collect:
    """Asks for INFO."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        stats = (await redis.info(deadline)).pairs("errorstats", "errorstat_")
        rows = [((error,), (written(parts.get("count")),)) for error, parts in stats.items()]
        return [by_row(ERRORS.labels, (ERRORS,), rows)]

    return collect


COLLECTOR = CollectorSpec(
    help="Error replies by their first word.",
    source="redis",
    metrics=(ERRORS,),
    build=build,
    docs="https://redis.io/docs/latest/commands/info/",
    explain=lambda _major: "INFO ALL",
)
