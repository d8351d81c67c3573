"""What a server says about keys: bytes, as they are no text. Light: nothing here imports the driver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from exporter.model.errors import Refused, SourceError

RawCommand: TypeAlias = tuple[str | bytes, ...]
"""A command: what is bytes in it are keys, and their parts."""
Raw: TypeAlias = "bytes | int | list[Raw] | Refused | None"
"""What a command gave, as the server sent it."""


def unless_refused(replies: Sequence[Raw]) -> Sequence[Raw]:
    """The replies.

    Raises:
        SourceError: the first one that was refused.
    """
    for reply in replies:
        if isinstance(reply, SourceError):
            raise reply.with_traceback(None)
    return replies


def listed(reply: Raw) -> list[Raw]:
    """The reply if it is a list, else an empty one."""
    return reply if isinstance(reply, list) else []


def paired(reply: Raw) -> dict[bytes, Raw]:
    """A list of names and values in turn, as a dict."""
    items: Iterator[Raw] = iter(listed(reply))
    return {n: value for n, value in zip(items, items, strict=False) if isinstance(n, bytes)}


def text(reply: Raw) -> str:
    r"""Bytes as people read them; those that are not UTF-8 show as `\xff`. Empty for anything else."""
    return reply.decode(errors="backslashreplace") if isinstance(reply, bytes) else ""
