"""Flags and variables of the upstream exporters, and what stands for them here, from `tests/compat`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from tests.docs.table import code, table
from tests.docs.upstream import lines

FILE = "upstream_flags.tsv"
EXPORTERS = ("postgres_exporter", "redis_exporter", "node_exporter", "pgbouncer_exporter")
Line = Mapping[str, str]


def lines_of(exporter: str) -> list[Line]:
    """The lines of one exporter: its flag without dashes, its variable, what is here, a remark."""
    return [line for line in lines(FILE) if line["exporter"] == exporter]


def flags(exporter: str) -> str:
    """A sentence on what is spelled alike, a table of what is not, and one of what is not here."""
    every = lines_of(exporter)
    alike = [line for line in every if _alike(line)]
    other = [line for line in every if line["here"] and line not in alike]
    parts = [
        table(
            ("flag there", "variable there", "here", "remark"),
            [
                (code(line["flag"]), code(line["variable"]), code(line["here"]), line["remark"])
                for line in other
            ],
        )
    ]
    if alike:
        parts.insert(0, f"The same flags are here, spelled as you have them: {_codes(alike)}.")
    if absent := [line for line in every if not line["here"]]:
        parts += ["Not here:", table(("there", "instead, or why"), _grouped(absent))]
    return "\n\n".join(parts)


def _alike(line: Line) -> bool:
    return line["here"].removeprefix("--") == line["flag"].replace("_", "-") and not line["remark"]


def _grouped(absent: Iterable[Line]) -> list[tuple[str, str]]:
    ordered = sorted(absent, key=lambda line: line["remark"])
    groups = groupby(ordered, key=lambda line: line["remark"])
    return sorted((_codes(group), remark) for remark, group in groups)


def _codes(found: Iterable[Line]) -> str:
    return ", ".join(
        " / ".join(code(word) for word in (line["flag"], line["variable"]) if word) for line in found
    )
