"""What is asked about one key: its memory and time to live, its size and value, or all about a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.sources.redis.scan.asker import Inspection
from exporter.sources.redis.scan.replies import Raw, RawCommand, listed, paired, text
from exporter.sources.redis.scan.sample import Look

NESTED_SAMPLES = "5"
"""Elements of a collection whose memory is measured for that of all."""
VALUE_BYTES = 1000
"""Values longer than this are not asked for."""
LENGTH_OF = {
    b"array": "ARCOUNT",
    b"hash": "HLEN",
    b"list": "LLEN",
    b"set": "SCARD",
    b"stream": "XLEN",
    b"string": "STRLEN",
    b"zset": "ZCARD",
}
HYPERLOGLOG = b"HYLL"


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One key: its length by its type, its memory in bytes, and its value if that is asked for."""

    database: int
    key: bytes
    length: int | None
    memory: int | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """One stream: the replies of XINFO STREAM, and of XINFO GROUPS with each group's XINFO CONSUMERS."""

    database: int
    key: bytes
    stream: Mapping[bytes, Raw]
    groups: Sequence[GroupFacts] = field(default=())


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """One group of a stream, and its consumers."""

    group: Mapping[bytes, Raw]
    consumers: Sequence[Mapping[bytes, Raw]] = ()


def memory_of(key: bytes) -> RawCommand:
    """The command for the memory of a key: it looks at a few elements, and counts as no hit or miss."""
    return ("MEMORY", "USAGE", key, "SAMPLES", NESTED_SAMPLES)


def look_at(key: bytes, keep: Callable[[Look], None], *, with_kind: bool = False) -> Inspection:
    """Memory and time to live of one key, and its type; a key that is gone is not kept."""
    commands: list[RawCommand] = [("PTTL", key), memory_of(key)]
    if with_kind:
        commands.append(("TYPE", key))
    ttl, size, *kind = yield commands
    if ttl == -2 or size is None or kind == [b"none"]:
        return
    milliseconds = ttl if isinstance(ttl, int) else None
    keep(
        Look(
            size if isinstance(size, int) else None,
            milliseconds / 1000 if milliseconds is not None and milliseconds >= 0 else None,
            None if milliseconds is None else milliseconds >= 0,
            text(kind[0]) if kind else "",
        )
    )


def kind_of(key: bytes, keep: Callable[[str], None]) -> Inspection:
    """The type of one key."""
    (kind,) = yield [("TYPE", key)]
    if isinstance(kind, bytes) and kind != b"none":
        keep(kind.decode())


def examine_key(
    database: int, key: bytes, keep: Callable[[KeyFacts], None], *, with_value: bool
) -> Inspection:
    """Length, memory and value of one key; one that is not there is not kept."""
    kind, memory = yield [("TYPE", key), memory_of(key)]
    if not isinstance(kind, bytes) or kind == b"none":
        return
    length: Raw = None
    value: Raw = None
    if (command := LENGTH_OF.get(kind)) is not None:
        start: list[RawCommand] = [("GETRANGE", key, "0", "3")] if kind == b"string" else []
        length, *begin = yield [(command, key), *start]
        if begin == [HYPERLOGLOG]:
            (length,) = yield [("PFCOUNT", key)]
        elif begin and with_value and isinstance(length, int) and length <= VALUE_BYTES:
            (value,) = yield [("GET", key)]
    keep(
        KeyFacts(
            database,
            key,
            length if isinstance(length, int) else None,
            memory if isinstance(memory, int) else None,
            value if isinstance(value, bytes) else None,
        )
    )


def examine_stream(
    database: int, key: bytes, keep: Callable[[StreamFacts], None], *, with_consumers: bool
) -> Inspection:
    """All about one stream; what is no stream is not kept, and not asked, as that would be an error there."""
    (kind,) = yield [("TYPE", key)]
    if kind != b"stream":
        return
    stream, reply = yield [("XINFO", "STREAM", key), ("XINFO", "GROUPS", key)]
    if not isinstance(stream, list):
        return
    groups = [paired(group) for group in listed(reply)]
    consumers: Sequence[Raw] = [None] * len(groups)
    names = [name for group in groups if isinstance(name := group.get(b"name"), bytes)]
    if with_consumers and names and len(names) == len(groups):
        consumers = yield [("XINFO", "CONSUMERS", key, name) for name in names]
    keep(
        StreamFacts(
            database,
            key,
            paired(stream),
            [
                GroupFacts(group, [paired(consumer) for consumer in listed(found)])
                for group, found in zip(groups, consumers, strict=True)
            ],
        )
    )
