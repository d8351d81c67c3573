"""The extensions that collectors read: loaded, created, and as new as the server."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.doctor.finding import Notes
from exporter.doctor.postgres_facts import STATEMENTS, Expected, Facts
from exporter.doctor.postgres_rights import SETTINGS, there
from exporter.doctor.postgres_settings import set_server
from exporter.doctor.sql import identifier, with_library
from exporter.model.collector import Named
from exporter.model.view import View


def examine(facts: Facts, expected: Expected, notes: Notes) -> None:
    """Notes what is missing of pg_stat_statements, and of what the collectors that are on read beside it."""
    readers: dict[str, list[Named]] = {STATEMENTS: []}
    for named in there(expected, facts.major):
        if isinstance(named.spec.view, View) and named.spec.view.extension:
            readers.setdefault(named.spec.view.extension, []).append(named)
    for extension, collectors in readers.items():
        _extension(facts, extension, collectors, notes)


def _extension(facts: Facts, name: str, collectors: list[Named], notes: Notes) -> None:
    names = ", ".join(named.name for named in collectors)
    lost = f"nothing to read for {names}" if names else "there are no statistics of queries"
    # What is off by default was asked for.
    note = notes.error if any(not named.spec.default for named in collectors) else notes.advice
    offered = facts.extensions.get(name)
    if offered is None:
        note(
            f"extension {name} is not installed on the server: {lost}",
            f"-- install PostgreSQL's contrib modules (Debian: postgresql-{facts.major};"
            f" Red Hat: postgresql{facts.major}-contrib), then check again",
        )
        return
    loaded = name != STATEMENTS or facts.statements_loaded
    if not loaded:
        note(f"{name} is not loaded: {lost}", *_load(facts, name))
    if offered.installed is None:
        note(f"extension {name} is not in database {facts.text('database')}: {lost}", *_create(facts, name))
    elif _older(offered.installed, offered.version):
        notes.advice(
            f"extension {name} is {offered.installed} in database {facts.text('database')}, "
            f"the server has {offered.version}: newer columns are missing",
            _in_database(facts),
            f"ALTER EXTENSION {name} UPDATE;",
        )
    elif loaded:
        notes.ok(f"extension {name} {offered.installed} is in database {facts.text('database')}")


def _load(facts: Facts, library: str) -> list[str]:
    if "shared_preload_libraries" not in facts.settings:
        # Without the present value, the line could drop a library that the server can't do without.
        return [
            f"GRANT {SETTINGS} TO {identifier(facts.text('role'))};",
            "-- then check again: which libraries are loaded already is hidden without it",
        ]
    value = with_library(facts.setting("shared_preload_libraries"), library)
    return [*set_server(facts, "shared_preload_libraries", value), "-- then restart the server"]


def _create(facts: Facts, name: str) -> Iterator[str]:
    yield _in_database(facts)
    yield f"CREATE EXTENSION {name};"


def _in_database(facts: Facts) -> str:
    return f"-- in database {identifier(facts.text('database'))}:"


def _older(installed: str, offered: str) -> bool:
    """Whether a version is older than another: `1.9` is older than `1.10`."""
    try:
        return [int(part) for part in installed.split(".")] < [int(part) for part in offered.split(".")]
    except ValueError:
        return False
