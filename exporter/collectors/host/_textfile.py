"""Files with metrics in text format, as users write them for node_exporter's textfile collector."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from exporter.model.metric import Kind, Metric
from exporter.model.table import Column, Table, Value

KINDS = {"counter": Kind.COUNTER, "gauge": Kind.GAUGE, "histogram": Kind.HISTOGRAM, "summary": Kind.SUMMARY}
OF_THE_KIND = {Kind.HISTOGRAM: "le", Kind.SUMMARY: "quantile"}
"""The label that the kind brings along."""

TYPE = "# TYPE "

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*", re.ASCII)


class Broken(ValueError):
    """A file that can't be shown: its message says why, for whoever wrote it."""


def parse(text: str, path: str) -> list[Table]:
    """The metrics of a file, each with the labels that any of its samples has.

    Args:
        text: its content.
        path: where it is, for the help of metrics without one.

    Raises:
        Broken: a line is no sample, a sample has a time, a name or a label can't be shown.
    """
    kinds, lines = _kinds(text)
    families: dict[str, list[Sample]] = {}
    helps: dict[str, str] = {}
    try:
        for family in text_string_to_metric_families(lines):
            families.setdefault(family.name, []).extend(family.samples)
            helps[family.name] = helps.get(family.name) or family.documentation
    except (ValueError, IndexError, KeyError) as error:
        raise Broken(f"is not in text format: {error}") from error
    tables: list[Table] = []
    for name, samples in families.items():
        said = " ".join(helps[name].split()) or f"Metric read from {path}"
        tables += _tables(name, kinds.get(name, Kind.UNTYPED), said, samples)
    return tables


def _kinds(text: str) -> tuple[dict[str, Kind], str]:
    """The kinds by name, and the text with `gauge` for `counter`, whose names the parser would change."""
    kinds: dict[str, Kind] = {}
    lines = []
    for line in text.split("\n"):
        words = line.split()
        if words[:2] == TYPE.split() and len(words) == 4 and words[3] in KINDS:
            kinds[words[2]] = KINDS[words[3]]
            if words[3] == Kind.COUNTER:
                line = f"{TYPE}{words[2]} {Kind.GAUGE}"  # noqa: PLW2901
        lines.append(line)
    return kinds, "\n".join(lines)


def _tables(name: str, kind: Kind, said: str, samples: Sequence[Sample]) -> list[Table]:
    labels = tuple(dict.fromkeys(label for sample in samples for label in sample.labels))
    _check(name, labels, samples)
    own = OF_THE_KIND.get(kind)
    metric = _metric(name, kind, said, tuple(label for label in labels if label != own))
    by_suffix: dict[str, list[Sample]] = {}
    for sample in samples:
        by_suffix.setdefault(sample.name.removeprefix(name), []).append(sample)
    return [_table(metric, own, suffix, found) for suffix, found in by_suffix.items()]


@lru_cache(maxsize=1024)
def _metric(name: str, kind: Kind, said: str, labels: tuple[str, ...]) -> Metric:
    """The same object from one reading to the next."""
    return Metric(name, kind, said, labels)


def _table(metric: Metric, own: str | None, suffix: str, samples: Iterable[Sample]) -> Table:
    samples = list(samples)
    labels = metric.labels
    if own is not None and any(own in sample.labels for sample in samples):
        labels = (*labels, own)
    rows = [tuple(sample.labels.get(label, "") for label in labels) for sample in samples]
    return Table(labels, rows, [Column(metric, [_value(sample.value) for sample in samples], suffix)])


def _value(number: float) -> Value:
    return number if isinstance(number, int) else str(floatToGoString(number))  # type: ignore[no-untyped-call]


def _check(name: str, labels: Sequence[str], samples: Sequence[Sample]) -> None:
    if not _NAME.fullmatch(name):
        raise Broken(f"{name!r} can't be a metric's name")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise Broken(f"{name}: {label!r} can't be a label's name")
    if any(sample.timestamp is not None for sample in samples):
        raise Broken(f"{name}: a sample has a time, and Prometheus would keep showing it when it is old")


def families(tables: Iterable[Table]) -> Mapping[str, Metric]:
    """The metrics of the tables, by name."""
    return {column.metric.name: column.metric for table in tables for column in table.columns}
