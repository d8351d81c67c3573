"""Reads postgres_exporter's queries.yaml: `namespace: {query, master, metrics: [{column: {usage}}]}`.

What that exporter ignores without a word is ignored here as well, with a finding. What it parses and then
forgets takes effect here: `runonserver` and `metric_mapping`.

Facts: exporter/queries.go, namespace.go and postgres_exporter.go of postgres_exporter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import yaml

from exporter.collectors.user_queries import nodes
from exporter.collectors.user_queries.declared import (
    LABEL_NAME,
    METRIC_NAME,
    Read,
    UserQuery,
    ValueColumn,
    timeout_of,
)
from exporter.collectors.user_queries.finding import Notes
from exporter.collectors.user_queries.ours import A_YEAR, ALL, statement
from exporter.collectors.user_queries.versions import Versions, parse
from exporter.model.metric import Kind, Metric

KEYS = ("query", "metrics", "master", "cache_seconds", "runonserver", "timeout_seconds")
"""Upstream's, and `timeout_seconds` of ours, which upstream reads over."""
COLUMN_KEYS = ("usage", "description", "metric_mapping")
USAGES = ("DISCARD", "LABEL", "COUNTER", "GAUGE", "HISTOGRAM", "MAPPEDMETRIC", "DURATION")
KINDS = {"COUNTER": Kind.COUNTER, "HISTOGRAM": Kind.HISTOGRAM}
READS = {"HISTOGRAM": Read.HISTOGRAM, "MAPPEDMETRIC": Read.MAPPED, "DURATION": Read.DURATION}
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)


class _Column(NamedTuple):
    """One entry below `metrics`."""

    name: str
    at: yaml.Node
    usage: str
    help: str
    mapping: Mapping[str, float]


def read(pair: nodes.Pair, notes: Notes, *, every_database: bool) -> UserQuery | None:
    """One namespace; None if it is unusable, which is noted.

    Args:
        pair: the namespace and what stands below it.
        notes: takes what is wrong.
        every_database: whether a query without `master: true` runs in each database, as upstream does with
            --auto-discover-databases.
    """
    before = notes.errors
    name = pair.key
    if not nodes.is_mapping(pair, notes):
        return None
    if not METRIC_NAME.fullmatch(name):
        notes.error(pair.at, f"{name}: expected a namespace of letters, digits and _: metrics begin with it")
    given = nodes.keyed(pair.value, name, KEYS, notes, strict=False)
    columns = _columns(given.get("metrics"), name, notes)
    labels = _labels(columns, name, notes)
    cache = nodes.number(given.get("cache_seconds"), f"{name}.cache_seconds", notes, most=A_YEAR)
    timeout = nodes.number(given.get("timeout_seconds"), f"{name}.timeout_seconds", notes, most=A_YEAR)
    master = nodes.yes_or_no(given.get("master"), f"{name}.master", notes)
    query = UserQuery(
        name=name,
        where=f"{notes.file} line {pair.at.start_mark.line + 1}",
        help="",
        sql=statement(given.get("query"), f"{name}.query", notes, absent=pair.at),
        labels=labels,
        values=_values(columns.values(), name, labels, notes),
        discarded=frozenset(column.name for column in columns.values() if column.usage == "DISCARD"),
        namespace=name,
        databases=(ALL,) if every_database and not master else None,
        versions=_versions(given.get("runonserver"), name, notes),
        every_seconds=cache or None,
        timeout_seconds=timeout_of(timeout, cache or None),
    )
    return query if notes.errors == before else None


def _columns(node: yaml.Node | None, name: str, notes: Notes) -> dict[str, _Column]:
    """The columns by name; of one that stands twice the later entry counts."""
    if node is None:
        return {}
    if not isinstance(node, yaml.SequenceNode):
        notes.error(node, f"{name}.metrics: expected a list: a dash before each column")
        return {}
    entries = [pair for item in node.value for pair in nodes.pairs(item, f"{name}.metrics", notes)]
    return {pair.key: _column(pair, name, notes) for pair in entries}


def _column(pair: nodes.Pair, name: str, notes: Notes) -> _Column:
    what = f"{name}.metrics.{pair.key}"
    given = nodes.keyed(pair.value, what, COLUMN_KEYS, notes, strict=False)
    usage = nodes.text(given.get("usage"), f"{what}.usage", notes)
    if usage not in USAGES:
        hint = f"; did you mean {usage.upper()}?" if usage.upper() in USAGES else ""
        notes.remark(pair.at, f"{what}: expected usage: {', '.join(USAGES)}{hint} The column is left out")
        usage = "DISCARD"
    return _Column(
        pair.key,
        pair.at,
        usage,
        nodes.sentence(given.get("description"), f"{what}.description", notes),
        _mapping(given.get("metric_mapping"), what, notes),
    )


def _mapping(node: yaml.Node | None, what: str, notes: Notes) -> dict[str, float]:
    found = {}
    for pair in nodes.pairs(node, f"{what}.metric_mapping", notes) if node is not None else ():
        value = nodes.text(pair.value, f"{what}.metric_mapping", notes)
        if _NUMBER.fullmatch(value):
            found[pair.key] = float(value)
        else:
            notes.error(pair.at, f"{what}.metric_mapping: expected a number behind each text")
    return found


def _labels(columns: Mapping[str, _Column], name: str, notes: Notes) -> tuple[str, ...]:
    labels = [column for column in columns.values() if column.usage == "LABEL"]
    for column in labels:
        if not LABEL_NAME.fullmatch(column.name):
            notes.error(
                column.at,
                f"{name}.metrics.{column.name}: expected a label's name: a letter, letters, digits, _",
            )
    return tuple(column.name for column in labels)


def _values(
    columns: Iterable[_Column], name: str, labels: tuple[str, ...], notes: Notes
) -> tuple[ValueColumn, ...]:
    return tuple(
        _value(column, name, labels, notes) for column in columns if column.usage not in ("DISCARD", "LABEL")
    )


def _value(column: _Column, name: str, labels: tuple[str, ...], notes: Notes) -> ValueColumn:
    unit = "_milliseconds" if column.usage == "DURATION" else ""
    full = f"{name}_{column.name}{unit}"
    if not METRIC_NAME.fullmatch(full):
        notes.error(
            column.at, f"{name}.metrics.{column.name}: expected letters, digits and _: write `AS name` in SQL"
        )
    help_ = column.help or f"Column {column.name} of the query {name}."
    metric = Metric(full, KINDS.get(column.usage, Kind.GAUGE), help_, labels)
    how = READS.get(column.usage, Read.NUMBER)
    return ValueColumn(column.name, metric, how, column.mapping, column.at.start_mark.line + 1)


def _versions(node: yaml.Node | None, name: str, notes: Notes) -> Versions | None:
    text = nodes.text(node, f"{name}.runonserver", notes)
    if node is None or not text.strip():
        return None
    versions = parse(text)
    if versions is None:
        notes.error(node, f'{name}.runonserver: expected a range of versions, such as ">=13.0.0 <17.0.0"')
    return versions
