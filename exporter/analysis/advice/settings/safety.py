"""Settings that risk data or let one client stop the others."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.advice.settings.change import Advice, is_off, number_of
from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.facts.server import ServerFacts


def durability(server: ServerFacts) -> Iterator[Finding]:
    """A crash of the machine may leave a cluster that can't be used."""
    for name in ("fsync", "full_page_writes"):
        if is_off(server, name):
            yield Advice(
                name=name,
                value="on",
                title=f"{name} is off: a crash of the machine can destroy the data",
                why=(
                    "The server goes on without what makes sure that writes are on disk, in order and "
                    "whole. Only for data that can be made again; synchronous_commit = off is nearly as "
                    "fast, and safe."
                ),
                severity=Severity.CRITICAL,
                confidence=Confidence.PROVEN,
                cost="Commits wait for the disk.",
            ).finding(server)


def passwords(server: ServerFacts) -> Iterator[Finding]:
    """New passwords are stored as MD5."""
    setting = server.settings.get("password_encryption")
    if setting is not None and setting.value in ("md5", "on"):
        yield Advice(
            name="password_encryption",
            value="scram-sha-256",
            title="Passwords are stored as MD5",
            why="Who reads the hash can log in with it; PostgreSQL 18 warns of it, a later version drops it.",
            cost="Each password must be set once more, and old clients may not know SCRAM.",
            confidence=Confidence.PROVEN,
        ).finding(server)


def pending(server: ServerFacts) -> Iterator[Finding]:
    """Values that wait for a restart."""
    names = sorted(setting.name for setting in server.settings.values() if setting.pending)
    if names:
        yield Finding(
            kind=Kind.SETTING,
            rule="pending_restart",
            severity=Severity.INFO,
            confidence=Confidence.PROVEN,
            title=f"{len(names)} changed setting{'s wait' if len(names) > 1 else ' waits'} for a restart",
            subject=", ".join(names),
            why="The files say something else than what runs; the next restart, planned or not, changes it.",
            evidence=[Evidence("settings", ", ".join(names))],
            sql=["SELECT name, setting FROM pg_settings WHERE pending_restart;"],
            cost="A restart.",
        )


def timeouts(server: ServerFacts) -> Iterator[Finding]:
    """No limit for transactions that do nothing, nor for queries, and no role has one of its own."""
    for name, value, why in (
        (
            "idle_in_transaction_session_timeout",
            "10min",
            (
                "A client that forgets its transaction keeps its locks, and rows from VACUUM, until "
                "somebody sees it."
            ),
        ),
        (
            "statement_timeout",
            "",
            (
                "A query that never ends takes a CPU and keeps rows from VACUUM. Best set for the roles of "
                "applications."
            ),
        ),
    ):
        if number_of(server, name) == 0 and name not in server.set_for_some:
            yield Advice(
                name=name,
                value=value,
                title=f"{name} is not set",
                why=why,
                notes=[] if value else [f"ALTER ROLE ... SET {name} = '60s';"],
                cost="What takes longer is ended: backups and reports may need a role with another value.",
                confidence=Confidence.LOW,
            ).finding(server)
