"""From files to collectors: whatever is wrong with a file costs the query that it is in, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import yaml

from exporter.collectors.user_queries import nodes, ours, upstream
from exporter.collectors.user_queries.collect import UserQueryCollector
from exporter.collectors.user_queries.declared import UserQuery
from exporter.collectors.user_queries.finding import Finding, Notes
from exporter.collectors.user_queries.names import Names
from exporter.model.collector import CollectorSpec, Cost, Named
from exporter.model.metric import Kind, Metric
from exporter.model.view import SUPPORTED_MAJORS, at
from exporter.settings.sections.postgres import Postgres

PREFIX = "query:"
"""How the names of these collectors begin, so that none has the name of a built-in one."""
MAX_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class QueryFile:
    """One file.

    Attributes:
        path: as the setting has it.
        hashsum: SHA-256 of the content in hexadecimal; empty where it could not be read.
        findings: what is wrong with it.
    """

    path: str
    hashsum: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files of one configuration gave.

    Attributes:
        collectors: one for each usable query.
        files: the files, with what is wrong with each.
    """

    collectors: tuple[Named, ...]
    files: tuple[QueryFile, ...]

    @property
    def findings(self) -> Sequence[Finding]:
        """What is wrong, file after file."""
        return [finding for file in self.files for finding in file.findings]

    def changed(self) -> bool:
        """Whether a file is not what it was when it was loaded."""
        return any(_content(Notes(file.path))[1] != file.hashsum for file in self.files)


def load_configured(postgres: Postgres, on: Iterable[Named]) -> Loaded:
    """What the files of one server's settings give.

    Args:
        postgres: the server's section.
        on: the collectors that run beside.
    """
    # Upstream reads other databases only where it is told to, so our default is no such order.
    every_database = postgres.discover_databases and "discover_databases" in postgres.model_fields_set
    taken = [metric for named in on for metric in named.spec.metrics]
    return load(postgres.queries_files, taken, every_database=every_database)


def load(paths: Iterable[str], taken: Iterable[Metric] = (), *, every_database: bool = False) -> Loaded:
    """Reads the files; never raises for what is in them.

    Args:
        paths: files in our dialect or in postgres_exporter's.
        taken: the metrics of the collectors that run, whose names are not to be had.
        every_database: whether queries in postgres_exporter's dialect without `master: true` run in each
            database, as that exporter does with --auto-discover-databases.
    """
    names = Names(taken)
    known: dict[str, UserQuery] = {}
    files = []
    for path in dict.fromkeys(paths):
        notes = Notes(path)
        text, hashsum = _content(notes)
        root = nodes.compose(text, notes) if not notes.findings else None
        if root is not None:
            for pair, query in _queries(root, notes, every_database=every_database):
                _add(query, pair, names, notes, known)
        files.append(QueryFile(path, hashsum, tuple(notes.findings)))
    return Loaded(tuple(_named(query, names) for query in known.values()), tuple(files))


def _content(notes: Notes) -> tuple[str, str]:
    """Text and SHA-256; both empty where the file can't be read, which is noted."""
    try:
        with Path(notes.file).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        notes.findings.append(
            Finding(notes.file, 0, f"can't be read ({reason}): mend postgres.queries_files")
        )
        return "", ""
    hashsum = sha256(content).hexdigest()
    if len(content) > MAX_BYTES:
        notes.findings.append(
            Finding(notes.file, 0, f"is larger than {MAX_BYTES} bytes: is it the right file?")
        )
        return "", hashsum
    try:
        return content.decode("utf-8-sig"), hashsum
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        notes.findings.append(Finding(notes.file, line, "is not UTF-8 text: save it as UTF-8"))
        return "", hashsum


def _queries(
    root: yaml.Node, notes: Notes, *, every_database: bool
) -> Iterable[tuple[nodes.Pair, UserQuery | None]]:
    top = nodes.pairs(root, "the file", notes)
    if len(top) == 1 and _is_ours(top[0]):
        return [(pair, ours.read(pair, notes)) for pair in nodes.pairs(top[0].value, "queries", notes)]
    return [(pair, upstream.read(pair, notes, every_database=every_database)) for pair in top]


def _is_ours(pair: nodes.Pair) -> bool:
    """Whether it is our `queries:`, and not a namespace of postgres_exporter's with that name."""
    value = pair.value
    below = [key.value for key, _ in value.value] if isinstance(value, yaml.MappingNode) else []
    return pair.key == "queries" and not {"metrics", "master", "cache_seconds", "runonserver"} & set(below)


def _add(
    query: UserQuery | None, pair: nodes.Pair, names: Names, notes: Notes, known: dict[str, UserQuery]
) -> None:
    if query is None:
        return
    if query.name in known:
        notes.error(pair.at, f"{query.name}: {known[query.name].where} has a query of that name: rename one")
        return
    values = []
    for value in query.values:
        refusal = names.claim(value.metric)
        if refusal:
            text = f"{query.name}: {refusal}. The metric is left out"
            notes.findings.append(Finding(notes.file, value.line, text))
        else:
            values.append(value)
    if not values and query.values and not query.namespace:
        return
    left_out = {name for value in query.values if value not in values for name in value.columns}
    known[query.name] = replace(query, values=tuple(values), discarded=query.discarded | left_out)


def _named(query: UserQuery, names: Names) -> Named:
    metrics = [value.metric for value in query.values]
    if query.namespace:
        text = f"Columns of the query {query.name} that it does not declare."
        metrics.append(Metric(f"{query.namespace}_<column>", Kind.UNTYPED, text, query.all_labels))
    spec = CollectorSpec(
        help=query.help or f"The query {query.name}.",
        source="postgres",
        metrics=tuple(metrics),
        build=lambda server: UserQueryCollector(query, server, names).collect,
        cost=Cost.ROWS,
        every_seconds=query.every_seconds,
        series_limit=query.series_limit,
        docs=query.where,
        explain=lambda major: at(query.sql, major or SUPPORTED_MAJORS[-1]) or "",
    )
    return Named(PREFIX + query.name, "postgres", spec)
