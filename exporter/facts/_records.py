"""Rows of text as values: by the column's name, numbers where numbers are meant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from exporter.sources.postgres.rows import Rows, Text

Record = Mapping[str, Text]


def records(rows: Rows) -> Iterator[Record]:
    """Each row by the names of its columns."""
    for values in zip(*rows.columns, strict=True):
        yield dict(zip(rows.names, values, strict=True))


def text(record: Record, name: str) -> str:
    """A text; empty for NULL."""
    return record[name] or ""


def integer(record: Record, name: str) -> int:
    """A whole number; 0 for NULL."""
    return int(record[name] or 0)


def known(record: Record, name: str) -> float | None:
    """A number, or None for NULL."""
    value = record[name]
    return None if value is None else float(value)


def oid(record: Record, name: str) -> int | None:
    """An oid, or None for NULL."""
    value = record[name]
    return None if value is None else int(value)


def flag(record: Record, name: str) -> bool:
    """A boolean as the server writes it; False for NULL."""
    return record[name] in ("t", "true", "1")


def names(record: Record, name: str) -> tuple[str | None, ...]:
    """A JSON array of texts; empty for NULL."""
    return tuple(json.loads(record[name] or "[]"))


def numbers(record: Record, name: str) -> tuple[int, ...]:
    """An int2vector or oidvector: numbers with spaces between them."""
    return tuple(map(int, text(record, name).split()))


def options(record: Record, name: str) -> dict[str, str]:
    """`reloptions` as a JSON array: `["fillfactor=70"]`."""
    pairs = (option.partition("=") for option in names(record, name) if option)
    return {key: value for key, _, value in pairs}


def array(oids: Iterable[int]) -> str:
    """An array of oids as SQL."""
    return "'{" + ",".join(map(str, oids)) + "}'::oid[]"
