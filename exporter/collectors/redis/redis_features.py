"""What the server and the ACL let the exporter do, as its commands have shown: nothing is tried for it."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused
from exporter.model.metric import gauge
from exporter.model.table import Table, by_row
from exporter.sources.redis import Command, RedisSource

AVAILABLE = gauge(
    "redis_feature_available",
    "1 if the server answers the exporter's commands of a feature, 0 if it does not know them or the ACL"
    " refuses them; no sample for what was not asked.",
    ("feature",),
)

NAMES: dict[Command, str] = {
    ("CONFIG", "GET"): "config",
    ("SLOWLOG", "GET"): "slowlog",
    ("SLOWLOG", "LEN"): "slowlog_length",
    ("COMMANDLOG", "LEN"): "commandlog",
    ("CLUSTER", "INFO"): "cluster",
    ("FT._LIST",): "search",
    ("FT.INFO",): "search_index",
}
"""Features with names of their own; of others it is the command's: `latency_histogram`."""


def build(redis: RedisSource) -> Collect:
    """Asks for INFO, which the other collectors ask for anyway, and looks at what they were refused."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        try:
            await redis.info(deadline)
        except Refused as refused:
            if not redis.rights:
                raise refused.with_traceback(None) from None
        known = {_name(right): int(refused is None) for right, refused in redis.rights.items()}
        return [by_row(AVAILABLE.labels, (AVAILABLE,), [((n,), (v,)) for n, v in sorted(known.items())])]

    return collect


def _name(right: Command) -> str:
    return NAMES.get(right) or "_".join(right).replace(".", "_").lower()


COLLECTOR = CollectorSpec(
    help="Which of the exporter's commands the server and its ACL allow.",
    source="redis",
    metrics=(AVAILABLE,),
    build=build,
    docs="https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/",
    explain=lambda _major: "INFO ALL",
)
