"""What the catalogue declares of a metric, and what tables and pages have that is not as declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from exporter.cli.catalog import catalogue, legacy, own
from exporter.collectors import discover
from exporter.collectors.redis import _instance, redis_client_list
from exporter.model.table import Table

OPTIONAL: Mapping[str, frozenset[str]] = {
    _instance.INSTANCE.name: frozenset(_instance.LABELS_WHERE_KNOWN),
    redis_client_list.INFO.name: frozenset({"user", "resp"}),
}
"""Labels that only some targets have; their metric's help names them."""

SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? \S+")
LABEL = re.compile(r'([a-zA-Z_]\w*)="(?:[^"\\]|\\.)*"')


class Declared(NamedTuple):
    """One metric of the catalogue."""

    name: str
    kind: str
    labels: tuple[str, ...]


class Shown(NamedTuple):
    """A sample, or a column of samples: its metric, its kind, what follows the metric's name, its labels."""

    name: str
    kind: str
    suffix: str
    labels: tuple[str, ...]


def declared() -> dict[str, Declared]:
    """The catalogue by name, patterns included."""
    entries = [*catalogue(discover().values()), legacy(), own()]
    found = [Declared(m["name"], m["type"], tuple(m["labels"])) for e in entries for m in e["metrics"]]
    assert len({metric.name for metric in found}) == len(found), "a name is declared twice"
    return {metric.name: metric for metric in found}


DECLARED = declared()
PATTERNS = {
    re.compile(re.sub(r"<\w+>", r"\\w+", name)): metric for name, metric in DECLARED.items() if "<" in name
}


def stands_for(name: str) -> Declared | None:
    """The metric of the catalogue that a name on a page belongs to; of patterns, the longest."""
    if name in DECLARED:
        return DECLARED[name]
    patterns = [metric for pattern, metric in PATTERNS.items() if pattern.fullmatch(name)]
    return max(patterns, key=lambda metric: len(metric.name), default=None)


def complaint(shown: Shown) -> str | None:
    """What is not as the catalogue has it: name, kind, a label too many or too few, their order."""
    metric = stands_for(shown.name)
    if metric is None:
        return f"{shown.name} is not in the catalogue"
    if shown.kind != metric.kind:
        return f"{shown.name} is a {shown.kind}, in the catalogue a {metric.kind}"
    optional = OPTIONAL.get(shown.name, frozenset())
    wanted = [label for label in metric.labels if label in shown.labels or label not in optional]
    wanted += _of_kind(shown)
    if [*shown.labels] != wanted:
        return f"{shown.name}{shown.suffix} has the labels {shown.labels}, in the catalogue {metric.labels}"
    return None


def _of_kind(shown: Shown) -> list[str]:
    """The labels that the kind adds."""
    if shown.kind == "histogram" and shown.suffix == "_bucket":
        return ["le"]
    return ["quantile"] if shown.kind == "summary" and not shown.suffix else []


def on_page(page: str) -> Iterator[Shown]:
    """Each sample of a page, in whatever order its lines stand."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    for line in page.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match is not None, line
            name = match["name"] if match["name"] in kinds else match["name"].rpartition("_")[0]
            suffix = match["name"].removeprefix(name)
            yield Shown(name, kinds.get(name, ""), suffix, tuple(LABEL.findall(match["labels"] or "")))


def in_tables(tables: Sequence[Table]) -> Iterator[Shown]:
    """Each column of the tables, those without a row as well."""
    for table in tables:
        labels = (*(name for name, _ in table.constant), *table.labels)
        for column in table.columns:
            yield Shown(column.metric.name, column.metric.kind.value, column.suffix, labels)


def complaints(shown: Iterator[Shown]) -> list[str]:
    """What is not as declared, each once."""
    return sorted({text for text in map(complaint, shown) if text is not None})
