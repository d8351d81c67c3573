"""Reads our own dialect: `queries:` with a mapping for each query. Strict: an unknown key is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import yaml

from exporter.collectors.user_queries import nodes, sql
from exporter.collectors.user_queries.declared import (
    LABEL_NAME,
    METRIC_NAME,
    Read,
    UserQuery,
    ValueColumn,
    timeout_of,
)
from exporter.collectors.user_queries.finding import Notes
from exporter.collectors.user_queries.versions import Versions, parse
from exporter.model.metric import Kind, Metric
from exporter.model.view import Sql

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
KEYS = (
    *("query", "help", "labels", "metrics", "databases", "role", "min_version", "max_version"),
    *("every_seconds", "timeout_seconds", "series_limit"),
)
METRIC_KEYS = ("column", "kind", "help")
KINDS = {kind.value: kind for kind in (Kind.GAUGE, Kind.COUNTER, Kind.UNTYPED, Kind.HISTOGRAM)}
ROLES = {"primary": True, "standby": False}
A_YEAR = 31_536_000
A_MILLION = 1_000_000
ALL = re.compile(r".*", re.DOTALL)


def read(pair: nodes.Pair, notes: Notes) -> UserQuery | None:
    """One query; None if it is unusable, which is noted."""
    before = notes.errors
    name = pair.key
    if not nodes.is_mapping(pair, notes):
        return None
    if not NAME.fullmatch(name):
        notes.error(pair.at, f"{name}: expected a name of letters, digits and _ for the query")
    given = nodes.keyed(pair.value, name, KEYS, notes, strict=True)
    labels = _labels(given.get("labels"), name, notes)
    databases = _databases(given.get("databases"), name, notes)
    adds_datname = databases is not None and "datname" not in labels
    all_labels = ("datname", *labels) if adds_datname else labels
    every = _seconds(given, "every_seconds", name, notes, least=1)
    timeout = _seconds(given, "timeout_seconds", name, notes, least=0.01)
    limit = nodes.number(given.get("series_limit"), f"{name}.series_limit", notes, least=1, most=A_MILLION)
    query = UserQuery(
        name=name,
        where=f"{notes.file} line {pair.at.start_mark.line + 1}",
        help=nodes.sentence(given.get("help"), f"{name}.help", notes),
        sql=_sql(given.get("query"), pair, notes),
        labels=labels,
        values=_values(given.get("metrics"), pair, all_labels, notes),
        databases=databases,
        adds_datname=adds_datname,
        on_primary=ROLES.get(nodes.one_of(given.get("role"), f"{name}.role", ROLES, notes)),
        versions=_versions(given, name, notes),
        series_limit=None if limit is None else int(limit),
        every_seconds=every,
        timeout_seconds=timeout_of(timeout, every),
    )
    return query if notes.errors == before else None


def _seconds(
    given: Mapping[str, yaml.Node], key: str, name: str, notes: Notes, *, least: float
) -> float | None:
    return nodes.number(given.get(key), f"{name}.{key}", notes, least=least, most=A_YEAR)


def _sql(node: yaml.Node | None, pair: nodes.Pair, notes: Notes) -> Sql:
    what = f"{pair.key}.query"
    if isinstance(node, yaml.MappingNode):
        by_major: dict[int, str | None] = {}
        if not node.value:
            notes.error(node, f"{what}: expected SQL behind each major version")
        for version in nodes.pairs(node, what, notes):
            major = int(version.key) if re.fullmatch("[0-9]{2}", version.key) else 0
            if not major:
                notes.error(version.at, f"{what}: expected a major version (13, 14, ...) before the colon")
            gone = nodes.is_null(version.value)
            by_major[major] = None if gone else statement(version.value, what, notes, absent=version.at)
        return by_major
    return statement(node, what, notes, absent=pair.at)


def statement(node: yaml.Node | None, what: str, notes: Notes, *, absent: yaml.Node) -> str:
    """One SQL statement that reads.

    Args:
        node: where it stands.
        what: its key.
        notes: takes what is wrong with it.
        absent: the place of the finding where there is none.
    """
    if node is None:
        notes.error(absent, f"{what}: is missing: it is the SQL to run")
        return ""
    before = notes.errors
    text = nodes.text(node, what, notes)
    if notes.errors == before and (wrong := sql.complaint(text)):
        notes.error(node, f"{what}: {wrong}")
    return text


def _labels(node: yaml.Node | None, name: str, notes: Notes) -> tuple[str, ...]:
    labels = tuple(nodes.texts(node, f"{name}.labels", notes))
    for label in labels:
        if node is not None and not LABEL_NAME.fullmatch(label):
            notes.error(
                node, f"{name}.labels: expected a letter, then letters, digits and _: write `AS name` in SQL"
            )
    if node is not None and len(set(labels)) < len(labels):
        notes.error(node, f"{name}.labels: expected each column once")
    return labels


def _values(
    node: yaml.Node | None, pair: nodes.Pair, labels: tuple[str, ...], notes: Notes
) -> tuple[ValueColumn, ...]:
    what = f"{pair.key}.metrics"
    found = nodes.pairs(node, what, notes) if node is not None else []
    if not found:
        notes.error(node or pair.at, f"{what}: expected at least one metric: its name, a colon, its help")
    return tuple(_value(metric, pair.key, labels, notes) for metric in found)


def _value(pair: nodes.Pair, query: str, labels: tuple[str, ...], notes: Notes) -> ValueColumn:
    what = f"{query}.metrics.{pair.key}"
    if not METRIC_NAME.fullmatch(pair.key):
        notes.error(pair.at, f"{what}: expected a metric's name: letters, digits, _")
    given: Mapping[str, yaml.Node] = {"help": pair.value}
    if isinstance(pair.value, yaml.MappingNode):
        given = nodes.keyed(pair.value, what, METRIC_KEYS, notes, strict=True)
    kind = KINDS.get(nodes.one_of(given.get("kind"), f"{what}.kind", KINDS, notes))
    if kind is None:
        kind = Kind.COUNTER if pair.key.endswith("_total") else Kind.GAUGE
    column = nodes.text(given.get("column"), f"{what}.column", notes) or pair.key
    help_ = (
        nodes.sentence(given.get("help"), f"{what}.help", notes) or f"Column {column} of the query {query}."
    )
    metric = Metric(pair.key, kind, help_, labels)
    how = Read.HISTOGRAM if kind is Kind.HISTOGRAM else Read.NUMBER
    return ValueColumn(column, metric, how, line=pair.at.start_mark.line + 1)


def _databases(node: yaml.Node | None, name: str, notes: Notes) -> tuple[re.Pattern[str], ...] | None:
    """The patterns; None where the key is absent."""
    if node is None:
        return None
    given = nodes.texts(node, f"{name}.databases", notes)
    return (ALL,) if given == ("all",) else tuple(_patterns(given, node, name, notes))


def _patterns(given: Sequence[str], node: yaml.Node, name: str, notes: Notes) -> list[re.Pattern[str]]:
    patterns: list[re.Pattern[str]] = []
    for text in given:
        try:
            patterns.append(re.compile(text))
        except (re.error, RecursionError, OverflowError):
            notes.error(node, f"{name}.databases: expected all, or regular expressions of whole names")
    return patterns


def _versions(given: Mapping[str, yaml.Node], name: str, notes: Notes) -> Versions | None:
    signs = {"min_version": ">=", "max_version": "<="}
    terms = []
    for key, sign in signs.items():
        if key in given:
            number = nodes.number(given[key], f"{name}.{key}", notes, most=99)
            if number is not None and number != int(number):
                notes.error(given[key], f"{name}.{key}: expected a major version, such as 15")
            terms.append(f"{sign}{int(number or 0)}")
    return parse(" ".join(terms)) if terms else None
