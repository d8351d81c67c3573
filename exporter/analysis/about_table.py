"""Which statements and findings are about one table, for an analysis of that alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from exporter.analysis.finding import Finding
from exporter.facts.relations import Relations
from exporter.facts.statement import Statement
from exporter.sql.identifiers import qualified


def is_about(statement: Statement, table: str) -> bool:
    """Whether a statement names a table, which may have its schema before it."""
    named = {*statement.tables, *(name.rpartition(".")[2] for name in statement.tables)}
    return table in named or table.rpartition(".")[2] in statement.tables


def only(relations: Relations, table: str) -> Relations:
    """The relations with that table and its partitions alone."""
    kept = {one.oid: one for one in relations.named(table)}
    while more := {t.oid: t for t in relations.tables.values() if t.parent in kept and t.oid not in kept}:
        kept |= more
    return replace(relations, tables=kept)


def names(finding: Finding, table: str, relations: Mapping[str, Relations]) -> bool:
    """Whether a finding is about a table, or about one of its indexes."""
    found = relations.get(finding.datname)
    if found is None:
        return False
    tables = {one.oid: one for one in found.named(table)}
    subjects = {qualified(one.schema, one.name) for one in tables.values()}
    subjects |= {qualified(i.schema, i.name) for i in found.indexes.values() if i.table in tables}
    return finding.subject in subjects
