"""Settings of what is asked about a Redis server's keys: all off by default, and read in the background."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from exporter.settings import checks
from exporter.settings.sections.base import Section
from exporter.settings.values import TAKES_MAPPING, TAKES_PATTERNS, Regexes, Seconds

_KIND = "expected name=pattern pairs with commas between, each name once, or a mapping in the file"


def _pairs(value: object) -> object:
    """Pairs of a mapping, or of `name=pattern` texts; a comma within brackets belongs to its pattern."""
    if isinstance(value, Mapping):
        return tuple((str(name), str(pattern)) for name, pattern in value.items())
    items = checks.as_list(value)
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        return value
    pairs = (item.partition("=") for item in items)
    return tuple((name.strip(), pattern.strip()) for name, _, pattern in pairs)


def _each_once(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    if not all(name and pattern for name, pattern in pairs) or len(dict(pairs)) < len(pairs):
        raise ValueError(_KIND)
    return pairs


KeyKinds = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_pairs),
    AfterValidator(_each_once),
    TAKES_MAPPING,
    NoDecode,
]
"""Kinds of keys: (name, pattern), in the order in which they were given."""
Patterns = Annotated[tuple[str, ...], BeforeValidator(checks.as_list), TAKES_PATTERNS, NoDecode]
"""Patterns or names of keys, `dbN=` in front for another database than 0."""


class RedisKeys(Section):
    """What is asked about keys, and how much of the server's time that may take."""

    key_patterns: KeyKinds = Field(
        default=(),
        description="Kinds of keys to count and to estimate: name=pattern,... or name=dbN=pattern.",
    )
    top_keys: int = Field(
        default=0, ge=0, le=100, description="Largest keys to show by their names; 0 shows no names."
    )
    check_keys: Patterns = Field(
        default=(), description="Patterns of keys to show one by one; dbN= in front names the database."
    )
    check_single_keys: Patterns = Field(default=(), description="Names of keys to show one by one.")
    count_keys: Patterns = Field(default=(), description="Patterns whose keys are to be counted.")
    check_key_groups: Regexes = Field(
        default=(), description="Regular expressions that part keys into groups, by what () holds."
    )
    max_distinct_key_groups: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Groups of a database to show; the others are one: overflow.",
    )
    check_streams: Patterns = Field(default=(), description="Patterns of streams to show one by one.")
    check_single_streams: Patterns = Field(default=(), description="Names of streams to show one by one.")
    streams_exclude_consumer_metrics: bool = Field(
        default=False, description="Show groups of streams without their consumers."
    )
    disable_exporting_key_values: bool = Field(
        default=False, description="Leave the values of the keys alone that are shown one by one."
    )
    check_keys_limit: int = Field(
        default=1000, ge=1, le=100_000, description="Keys or streams to show for a pattern at most."
    )
    scan_commands_per_second: int = Field(
        default=1000, ge=1, le=100_000, description="Commands about keys to send in a second at most."
    )
    scan_time_share: float = Field(
        default=0.02, ge=0.001, le=0.5, description="Share of the server's time that they may take."
    )
    scan_max_seconds: Seconds = Field(
        default=3600.0, description="Seconds after which a pass over all keys ends, whole or not."
    )
    scan_interval_seconds: Seconds = Field(
        default=60.0, description="Seconds from the start of a pass to the start of the next at least."
    )
    scan_samples: int = Field(
        default=200,
        ge=10,
        le=100_000,
        description="Keys of each kind whose memory and time to live are looked at.",
    )
