"""Modules that the server has loaded, and what they say in INFO: search, Bloom filters, JSON."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.redis import _fields_modules, _fields_search
from exporter.collectors.redis._field import values
from exporter.collectors.redis._replies import granted
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Labels, Table, by_row, single
from exporter.sources.redis import Command, Info, RedisSource
from exporter.sources.redis.info import key_values

LABELS = ("name", "ver", "api", "filters", "usedby", "using")
MODULE = gauge("redis_module_info", "1 for each module that is loaded.", LABELS)
FIELDS = (*_fields_search.FIELDS, *_fields_modules.FIELDS)

INFO_MODULES: Command = ("INFO", "MODULES")
LINE = "module:"


def build(redis: RedisSource) -> Collect:
    """Asks for INFO MODULES: INFO ALL leaves out what modules write."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        (reply,) = await redis.fetch([INFO_MODULES], deadline)
        text = str(granted(reply) or "")
        modules = dict.fromkeys(_labels(line) for line in text.splitlines() if line.startswith(LINE))
        return [
            by_row(LABELS, (MODULE,), [(labels, (1,)) for labels in modules]),
            single(values(FIELDS, Info(text))),
        ]

    return collect


def _labels(line: str) -> Labels:
    """`module:name=search,ver=21005,api=1,filters=0,usedby=[],using=[],options=[]`."""
    parts = key_values(line.removeprefix(LINE))
    return tuple(parts.get(name, "") for name in LABELS)


COLLECTOR = CollectorSpec(
    help="Loaded modules and their own figures: search, Bloom filters, JSON.",
    source="redis",
    metrics=(MODULE, *(field.metric for field in FIELDS)),
    build=build,
    default=False,
    docs="https://redis.io/docs/latest/commands/info/",
    explain=lambda _major: "INFO MODULES",
)
