"""What the collectors need of a Redis server. Light: nothing here imports the driver."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from exporter.model.deadline import Deadline
from exporter.model.errors import Refused
from exporter.sources.redis.info import Info

Command: TypeAlias = tuple[str, ...]
"""A command and its arguments."""

Reply: TypeAlias = "str | int | list[Reply] | Refused | None"
"""What a command gave. Text is decoded; bytes that are not UTF-8 show as `\\xff`."""


class RedisSource(Protocol):
    """What the collectors need of a Redis server; the fake offers the same."""

    @property
    def connect_seconds(self) -> float | None:
        """How long the open connection took to be opened; None while there is none."""

    @property
    def rights(self) -> Mapping[Command, Refused | None]:
        """What commands have shown so far, by the right: the refusal, or None for allowed."""

    @property
    def search_indexes(self) -> re.Pattern[str]:
        """Found in the names of the search indexes that are collected."""

    async def fetch(self, commands: Sequence[Command], deadline: Deadline) -> list[Reply]:
        """The reply of each command; a refused one is a `Refused` in its place."""

    async def info(self, deadline: Deadline) -> Info:
        """The reply of INFO ALL, taken apart."""

    async def info_with(self, commands: Sequence[Command], deadline: Deadline) -> tuple[Info, list[Reply]]:
        """The same, and the replies of more commands, in one go."""

    def describe(self) -> str:
        """Names the server for people, without a secret: "redis at localhost:6379"."""
