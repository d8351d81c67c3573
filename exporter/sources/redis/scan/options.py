"""What is asked about keys, and how much the server's time that may take: plain options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

PATTERNS, LARGEST, KEYS, STREAMS = "patterns", "largest", "keys", "streams"
"""The parts of what can be asked for."""

_PLACED = re.compile(r"(?:db)?(\d{1,9})=(.*)", re.DOTALL)
_WILD = re.compile(r"[*?\[\]^\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOptions:
    """Questions about keys, by the names of their settings in the section `redis`.

    A pattern is a glob as Redis has it, for database 0, or for another with `dbN=` in front.

    Attributes:
        key_patterns: kinds of keys: (name, pattern).
        top_keys: how many of the largest keys are named.
        check_keys: patterns of keys that are shown one by one.
        check_single_keys: such keys by their exact names.
        count_keys: patterns of keys that are counted.
        check_key_groups: regular expressions whose groups, joined, are the name of a key's group.
        max_distinct_key_groups: groups that are shown for each database; the others are one.
        check_streams: patterns of streams that are shown one by one.
        check_single_streams: such streams by their exact names.
        streams_exclude_consumer_metrics: groups of streams are shown without their consumers.
        disable_exporting_key_values: values of keys are not asked for.
        check_keys_limit: keys and streams that a pattern may show.
        scan_commands_per_second: the most that is sent.
        scan_time_share: the share of the server's time that all this may take.
        scan_max_seconds: a pass over all keys that takes longer ends.
        scan_interval_seconds: from the start of a pass to the start of the next, at least.
        scan_samples: keys of a kind whose memory and time to live are asked for.
    """

    key_patterns: Sequence[tuple[str, str]] = ()
    top_keys: int = 0
    check_keys: Sequence[str] = ()
    check_single_keys: Sequence[str] = ()
    count_keys: Sequence[str] = ()
    check_key_groups: Sequence[str] = ()
    max_distinct_key_groups: int = 100
    check_streams: Sequence[str] = ()
    check_single_streams: Sequence[str] = ()
    streams_exclude_consumer_metrics: bool = False
    disable_exporting_key_values: bool = False
    check_keys_limit: int = 1000
    scan_commands_per_second: int = 1000
    scan_time_share: float = 0.02
    scan_max_seconds: float = 3600.0
    scan_interval_seconds: float = 60.0
    scan_samples: int = 200


def placed(text: str) -> tuple[int, str]:
    """Database and pattern of `dbN=pattern`; database 0 where none is named."""
    match = _PLACED.fullmatch(text)
    return (int(match[1]), match[2]) if match else (0, text)


def placed_escaped(text: str) -> tuple[int, str]:
    """The same of redis_exporter's lists, in which `%2C` is a comma."""
    database, pattern = placed(text)
    return database, unquote(pattern)


def is_pattern(text: str) -> bool:
    """Whether it may stand for more than the one key of that name."""
    return _WILD.search(text) is not None


def by_database(texts: Iterable[str]) -> Mapping[int, Sequence[str]]:
    """The patterns or names of redis_exporter's lists, by their database."""
    found: dict[int, list[str]] = {}
    for text in texts:
        database, pattern = placed_escaped(text)
        found.setdefault(database, []).append(pattern)
    return found
