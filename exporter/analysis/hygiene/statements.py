"""The SQL of findings about indexes: what to run, and what brings it back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from exporter.analysis.hygiene.guards import Guards
from exporter.facts.relations import ForeignKey, Index, Relation
from exporter.sql.identifiers import identifier, literal, qualified
from exporter.sql.literals import without_literals

MOST_PARTITIONS = 20
ONLY = re.compile(r'^(CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")*"|\w+) ON) ONLY ')
"""As pg_get_indexdef() has a partitioned index: without those of the partitions, which went with it."""


def fits_comment(definition: str) -> bool:
    """Whether it can stand behind `--`: without a line break, which would end the comment, and literals."""
    broken = "\n" in definition or "\r" in definition
    return bool(definition) and not broken and without_literals(definition) == definition


def drop(guards: Guards, index: Index, definitions: Mapping[int, str], notes: Sequence[str]) -> list[str]:
    """DROP INDEX with what has to be decided before, and what makes the index again.

    It stands behind `--` where the server that was looked at can't be the one to run it, or does not know
    all that uses the index.
    """
    name = qualified(index.schema, index.name)
    partitioned = guards.is_partitioned(index)
    found = [f"-- {note}" for note in notes]
    if guards.relations.standbys or guards.relations.is_standby:
        found.append("-- Standbys count their own scans: look at idx_scan on each of them before.")
    statement = f"DROP INDEX {name};" if partitioned else f"DROP INDEX CONCURRENTLY {name};"
    found.append(f"-- on the primary: {statement}" if guards.relations.is_standby else statement)
    definition = definitions.get(index.oid, "")
    if fits_comment(definition):
        concurrently = definition.replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
        again = ONLY.sub(r"\1 ", definition) if partitioned else concurrently
        found.append(f"-- to undo: {again};")
    else:
        ask = f"SELECT pg_get_indexdef({literal(name)}::regclass);"
        found.insert(0, f"-- to be able to undo it, keep what this gives: {ask}")
    return found


def drop_cost(guards: Guards, index: Index) -> str:
    """What dropping takes."""
    if guards.is_partitioned(index):
        return (
            "DROP INDEX of a partitioned index locks the table and all its partitions exclusively for a "
            "moment: set lock_timeout, so that nobody queues behind it."
        )
    return (
        "Waits for the transactions that use the table, and blocks nobody. Building it again reads the table."
    )


def create_for_key(guards: Guards, table: Relation, key: ForeignKey) -> list[str]:
    """CREATE INDEX on the columns of a foreign key."""
    columns = ", ".join(map(identifier, key.columns))
    target = qualified(table.schema, table.name)
    if table.kind != "p":
        return [f"CREATE INDEX CONCURRENTLY ON {target} ({columns});"]
    parts = [t for t in guards.relations.tables.values() if t.parent == table.oid]
    name = identifier(f"{table.name}_{'_'.join(key.columns)}_idx"[:50])
    found = [f"CREATE INDEX {name} ON ONLY {target} ({columns});"]
    if not 0 < len(parts) <= MOST_PARTITIONS or any(part.kind == "p" for part in parts):
        return [
            *found,
            f"-- then on each partition: CREATE INDEX CONCURRENTLY ... ({columns});",
            f"-- and for each of these: ALTER INDEX {identifier(table.schema)}.{name} ATTACH PARTITION ...;",
        ]
    for part in parts:
        plain = f"{part.name}_{'_'.join(key.columns)}_fk"[:63]
        where = qualified(part.schema, part.name)
        found.append(f"CREATE INDEX CONCURRENTLY {identifier(plain)} ON {where} ({columns});")
        found.append(
            f"ALTER INDEX {identifier(table.schema)}.{name} ATTACH PARTITION {qualified(part.schema, plain)};"
        )
    return found
