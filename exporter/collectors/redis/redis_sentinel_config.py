"""The settings of a Sentinel from SENTINEL CONFIG GET, without the secret ones. Off unless switched on."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.redis._asking import AskWhere, is_sentinel
from exporter.collectors.redis._replies import granted, paired
from exporter.collectors.redis._sentinel import NO_SENTINEL
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, by_row
from exporter.sources.redis import Command, RedisSource
from exporter.sources.redis.info import number

KEY_VALUE = gauge(
    "redis_sentinel_config_key_value",
    "1 for each setting of the Sentinel, with its value as a label; not for secret ones.",
    ("key", "value"),
)
VALUE = gauge("redis_sentinel_config_value", "Each setting of the Sentinel that is a number.", ("key",))

SECRET = ("pass", "user", "secret")
"""Parts of the names of settings that belong to a login."""
CONFIG_GET: Command = ("SENTINEL", "CONFIG", "GET", "*")


def build(redis: RedisSource) -> Collect:
    """Asks for all settings, on Sentinels alone."""
    ask = AskWhere(redis, is_sentinel, NO_SENTINEL)

    async def collect(deadline: Deadline) -> Sequence[Table]:
        _, (reply,) = await ask([CONFIG_GET], deadline)
        settings = {
            key: str(value)
            for key, value in paired(granted(reply)).items()
            if not any(part in key for part in SECRET)
        }
        numbers = {key: found for key, value in settings.items() if (found := number(value)) is not None}
        return [
            by_row(KEY_VALUE.labels, (KEY_VALUE,), [(row, (1,)) for row in settings.items()]),
            by_row(VALUE.labels, (VALUE,), [((key,), (value,)) for key, value in numbers.items()]),
        ]

    return collect


COLLECTOR = CollectorSpec(
    help="The settings of a Sentinel, without the secret ones.",
    source="redis",
    metrics=(KEY_VALUE, VALUE),
    build=build,
    default=False,
    docs="https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/",
    explain=lambda _major: "INFO ALL\nSENTINEL CONFIG GET *  (on a Sentinel)",
)
