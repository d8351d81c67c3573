"""All settings of the server, from CONFIG GET *, without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite

from exporter.collectors.redis._replies import granted, paired
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, by_row
from exporter.sources.redis import Command, RedisSource

SETTING = gauge(
    "redis_config_key_value",
    "1 for each setting, with its value as a label, 200 characters at most; secrets are left out.",
    ("key", "value"),
)
NUMBER = gauge("redis_config_value", "The settings that are numbers.", ("key",))

CONFIG_ALL: Command = ("CONFIG", "GET", "*")
PERIOD_SECONDS = 60.0
LONGEST_VALUE = 200

SECRET_KEYS = frozenset(
    {
        "masterauth",
        "masteruser",
        "primaryauth",
        "primaryuser",
        "requirepass",
        "sentinel-pass",
        "sentinel-user",
        "tls-client-key-file-pass",
        "tls-key-file-pass",
    }
)
SECRET_KEY = re.compile(r"auth|cred|pass|private|secret|token|(?:api|access)[-_.]?key", re.IGNORECASE)
"""Settings of modules and forks that nobody has listed yet."""
NO_SECRETS = frozenset({"tls-auth-clients", "tls-auth-clients-user"})
"""The server's own settings that only look like it."""
SECRET_VALUE = re.compile(r"://[^/\s]*@|(?:auth|pass|secret|token)\w*\s*[=:]\s*\S", re.IGNORECASE)
"""Values with a login: the user of an address, `password=...`."""


def build(redis: RedisSource) -> Collect:
    """Asks for all settings once a minute."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        (reply,) = await redis.fetch([CONFIG_ALL], deadline)
        settings = shown(
            {key: value for key, value in paired(granted(reply)).items() if isinstance(value, str)}
        )
        numbers = [
            ((key,), (value,)) for key, text in settings.items() if (value := _number(text)) is not None
        ]
        return [
            by_row(SETTING.labels, (SETTING,), [((key, text), (1,)) for key, text in settings.items()]),
            by_row(NUMBER.labels, (NUMBER,), numbers),
        ]

    return collect


def shown(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings that may be shown, their values cut."""
    secrets = {value for key, value in settings.items() if _names_secret(key) and value}
    return {
        key: value[:LONGEST_VALUE]
        for key, value in settings.items()
        if not _names_secret(key) and value not in secrets and not SECRET_VALUE.search(value)
    }


def _names_secret(key: str) -> bool:
    return key in SECRET_KEYS or (SECRET_KEY.search(key) is not None and key not in NO_SECRETS)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


COLLECTOR = CollectorSpec(
    help="All settings of the server but secrets, from CONFIG GET.",
    source="redis",
    metrics=(SETTING, NUMBER),
    build=build,
    default=False,
    cost=Cost.ROWS,
    every_seconds=PERIOD_SECONDS,
    docs="https://redis.io/docs/latest/commands/config-get/",
    explain=lambda _major: "CONFIG GET *",
)
