"""Examines all targets of a configuration side by side, each within the time of one scrape."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from exporter.doctor import files, host, pgbouncer, postgres, process, redis, redis_nodes
from exporter.doctor.collectors import judge
from exporter.doctor.finding import Finding, Notes, Severity
from exporter.doctor.postgres_facts import Expected
from exporter.doctor.trial import Trial, try_each
from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.scrape.fanout import is_group
from exporter.settings import Settings
from exporter.sources.build import BUILDERS
from exporter.sources.postgres.connect import PostgresOptions
from exporter.stack import TOP, Stack, parts_of

SETTINGS = {"postgres": "postgres.dsn", "redis": "redis.address", "pgbouncer": "pgbouncer.dsn"}
"""The targets that are servers, and the setting that makes each one."""

ANOMALIES = "statement_anomalies"
"""The collector that keeps a file."""

EXAMPLES = (
    "EXPORTER_POSTGRES__DSN=postgresql://exporter@localhost:5432/postgres",
    "EXPORTER_REDIS__ADDRESS=localhost:6379",
    "EXPORTER_PGBOUNCER__DSN=postgresql://exporter@localhost:6432/pgbouncer",
)


async def examine(settings: Settings, collectors: Mapping[str, Named]) -> list[Finding]:
    """The findings about every configured target, in the order postgres, redis, pgbouncer, host.

    Named targets follow in the order of the configuration, each finding with the target's name in front.
    Takes the longest `scrape.timeout_seconds` and the time to close connections at the most.

    Args:
        settings: the configuration.
        collectors: all collectors of this installation, by name.
    """
    parts = parts_of(settings)
    found = await asyncio.gather(*(_examine(part, collectors) for part in parts.values()))
    findings = [*_configured(settings), *process.examine(settings)]
    for name, own in zip(parts, found, strict=True):
        findings += [replace(f, target=f"{name}: {f.target}") for f in own] if name != TOP else own
    return findings


async def _examine(settings: Settings, collectors: Mapping[str, Named]) -> list[Finding]:
    """The findings about the top level, or about one target."""
    stack = Stack(settings, collectors)
    deadline = Deadline.after(settings.scrape.timeout_seconds)
    examinations = dict(_examinations(settings, collectors, stack.sources, deadline))
    passwords = [(f"{key}.password_file", getattr(settings, key).password_file) for key in SETTINGS]
    passwords.append(("redis.sentinel_password_file", settings.redis.sentinel_password_file))
    kept = settings.postgres.history_file if ANOMALIES in settings.enabled_collectors() else None
    findings = [*files.examine(passwords), *files.written([("postgres.history_file", kept)])]
    findings += files.queries(stack.queries)
    try:
        running = asyncio.gather(*examinations.values())
        trials, found = await asyncio.gather(try_each(stack.engine, deadline), running)
        for key, own in zip(examinations, found, strict=True):
            of_source = [trial for trial in trials if _target_key(trial) == key]
            findings += [*own, *_about_collectors(key, stack.sources[key], own, of_source)]
        return findings
    finally:
        await stack.close()


def absent(settings: Settings) -> list[str]:
    """The kinds of servers of which none is configured, each with the setting that would."""
    there = _servers(settings)
    return [f"{key} ({setting})" for key, setting in SETTINGS.items() if key not in there]


def _servers(settings: Settings) -> set[str]:
    """The kinds of servers that are configured, at the top level or in a target."""
    return {
        key
        for part in parts_of(settings).values()
        for key, (configured, _) in BUILDERS.items()
        if key in SETTINGS and configured(part)
    }


def _configured(settings: Settings) -> list[Finding]:
    """A finding if no server is configured: an error if the host is off as well."""
    notes = Notes(files.TARGET)
    if not _servers(settings):
        if settings.host.enabled:
            notes.advice("no server is configured, only the host is collected from", *EXAMPLES)
        else:
            notes.error("nothing is configured: no server, and the host is off", *EXAMPLES)
    return notes.findings


def _examinations(
    settings: Settings, collectors: Mapping[str, Named], sources: Mapping[str, Any], deadline: Deadline
) -> Iterable[tuple[str, Awaitable[list[Finding]]]]:
    if (source := sources.get("postgres")) is not None:
        yield "postgres", postgres.examine(source, _expected(settings, collectors, source.options), deadline)
    if (source := sources.get("redis")) is not None:
        yield "redis", (redis_nodes if is_group(source) else redis).examine(source, deadline)
    if (source := sources.get("pgbouncer")) is not None:
        login = _login(_text(settings.pgbouncer.dsn))
        yield "pgbouncer", pgbouncer.examine(source, login, deadline)
    if (source := sources.get("host")) is not None:
        yield "host", host.examine(source, settings.host.procfs)


def _expected(settings: Settings, collectors: Mapping[str, Named], options: PostgresOptions) -> Expected:
    on = settings.enabled_collectors()
    return Expected(
        login=_login(options.dsn),
        max_connections=options.max_connections,
        wanted=options.wants,
        collectors=[c for n, c in collectors.items() if n in on and c.spec.source == "postgres"],
    )


def _login(dsn: str) -> str:
    """The user of a libpq connection string, else the one that libpq takes."""
    defaults = {option.keyword: option.val for option in Conninfo.get_defaults()}
    return str(conninfo_to_dict(dsn).get("user") or (defaults.get(b"user") or b"").decode())


def _text(secret: Any) -> str:
    return "" if secret is None else str(secret.get_secret_value())


def _target_key(trial: Trial) -> str:
    # The only pool of this process is that of the PostgreSQL source.
    source = trial.named.spec.source
    return "postgres" if source == "psycopg_pool" else source


def _about_collectors(
    key: str, source: Any, findings: Sequence[Finding], trials: Sequence[Trial]
) -> list[Finding]:
    """The findings about a target's collectors; none where the target itself was not reached."""
    if findings and all(finding.severity is Severity.ERROR for finding in findings):
        return []
    target = source.describe() if hasattr(source, "describe") else host.TARGET
    rights = redis.rights(target, source.refusals) if key == "redis" else []
    return [*rights, *judge(target, trials, [*findings, *rights])]
