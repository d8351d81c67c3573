"""All advice that needs no plan, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from exporter.analysis.advice.bloat import bloat
from exporter.analysis.advice.cache import cache_misses
from exporter.analysis.advice.clients import clients
from exporter.analysis.advice.settings import settings
from exporter.analysis.advice.tables import updates
from exporter.analysis.advice.vacuum import vacuum
from exporter.analysis.advice.wraparound import of_databases, of_tables
from exporter.analysis.finding import Finding, Gap
from exporter.analysis.wording import DAY, counted, duration
from exporter.facts.read_bloat import Bloat
from exporter.facts.relations import Relations
from exporter.facts.server import ServerFacts

LEAST_DAYS = 30.0


def server_advice(server: ServerFacts) -> Iterator[Finding]:
    """Settings, clients, and how near each database is to wraparound."""
    yield from settings(server)
    yield from clients(server)
    yield from of_databases(server)


def database_advice(
    relations: Relations, server: ServerFacts, estimates: Iterable[Bloat] = ()
) -> Iterator[Finding]:
    """Tables of one database: bloat, VACUUM, updates, cache. For its indexes see `hygiene`.

    Args:
        relations: of the database.
        server: that it is on.
        estimates: of bloat, from `exporter.facts.read_bloat`.
    """
    yield from bloat(relations, estimates)
    yield from vacuum(relations, server)
    yield from of_tables(relations)
    yield from updates(relations)
    yield from cache_misses(relations, server)


def server_gaps(server: ServerFacts) -> Iterator[Gap]:
    """What of a server was not seen."""
    if not server.sessions_visible:
        yield Gap(
            "clients",
            "The role does not see what other sessions do.",
            "GRANT pg_monitor TO the exporter's role;",
        )
    if server.memory_bytes is None:
        yield Gap(
            "memory settings",
            "The memory of the server's machine is not known: it is another one than this.",
            "Run the analysis on the server's machine.",
        )
    if "shared_preload_libraries" not in server.settings:
        yield Gap(
            "settings",
            "The role does not see all settings.",
            "GRANT pg_read_all_settings TO the exporter's role;",
        )


def relation_gaps(relations: Relations) -> Iterator[Gap]:
    """What of a database was not seen, or counts too short a time."""
    database = relations.datname
    if not relations.statistics_visible:
        yield Gap(
            "bloat and selectivity",
            "pg_stats shows the role nothing of the tables.",
            "GRANT pg_read_all_data TO the exporter's role; before PostgreSQL 14: SELECT on the tables.",
            database,
        )
    if relations.tables_left_out:
        smallest = counted(relations.tables_left_out, "table")
        yield Gap(f"the {smallest} that are the smallest", "They are beyond the bound.", "", database)
    age = relations.statistics_seconds
    if relations.indexes and (age is None or age < LEAST_DAYS * DAY):
        since = "an unknown time" if age is None else f"for {duration(age)} only"
        yield Gap(
            "unused indexes",
            f"Statistics count {since}, and an index may be needed once a month.",
            f"Wait until they are {LEAST_DAYS:.0f} days old.",
            database,
        )
    if relations.is_standby:
        yield Gap(
            "VACUUM, ANALYZE and rarely used indexes",
            "The server is a standby, which counts its own scans only and no writes.",
            "Analyze the primary as well.",
            database,
        )
