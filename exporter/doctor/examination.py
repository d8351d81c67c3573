"""Examines all targets of a configuration side by side, each within the time of one scrape."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from exporter.doctor import host, pgbouncer, postgres, redis
from exporter.doctor.collectors import judge
from exporter.doctor.finding import Finding, Notes, Severity
from exporter.doctor.trial import Trial, try_each
from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.settings import Settings
from exporter.sources.postgres.connect import PostgresOptions
from exporter.stack import Stack

SERVERS = {"postgres": "postgres.dsn", "redis": "redis.address", "pgbouncer": "pgbouncer.dsn"}
"""The targets that are servers, and the setting that makes each one."""

CONFIGURATION = "configuration"

EXAMPLES = (
    "EXPORTER_POSTGRES__DSN=postgresql://datastack_exporter@localhost:5432/postgres",
    "EXPORTER_REDIS__ADDRESS=localhost:6379",
    "EXPORTER_PGBOUNCER__DSN=postgresql://datastack_exporter@localhost:6432/pgbouncer",
)


async def examine(settings: Settings, collectors: Mapping[str, Named]) -> list[Finding]:
    """The findings about every configured target, in the order postgres, redis, pgbouncer, host.

    Takes `scrape.timeout_seconds` and the time to close connections at the most.

    Args:
        settings: the configuration.
        collectors: all collectors of this installation, by name.
    """
    stack = Stack(settings, collectors)
    deadline = Deadline.after(settings.scrape.timeout_seconds)
    examinations = dict(_examinations(settings, collectors, stack.sources, deadline))
    try:
        running = asyncio.gather(*examinations.values())
        trials, found = await asyncio.gather(try_each(stack.engine, deadline), running)
        findings = _configured(stack.sources)
        for key, own in zip(examinations, found, strict=True):
            of_source = [trial for trial in trials if _target_key(trial) == key]
            findings += [*own, *_about_collectors(key, stack.sources[key], own, of_source)]
        return findings
    finally:
        await stack.close()


def absent(settings: Settings) -> list[str]:
    """The servers that are not configured, each with the setting that would."""
    given = {
        "postgres": settings.postgres.dsn,
        "redis": settings.redis.address,
        "pgbouncer": settings.pgbouncer.dsn,
    }
    return [f"{key} ({setting})" for key, setting in SERVERS.items() if given[key] is None]


def _configured(sources: Mapping[str, Any]) -> list[Finding]:
    """A finding if no server is configured: an error if the host is off as well."""
    notes = Notes(CONFIGURATION)
    if not sources:
        notes.error("nothing is configured: no server, and the host is off", *EXAMPLES)
    elif not SERVERS.keys() & sources.keys():
        notes.advice("no server is configured, only the host is collected from", *EXAMPLES)
    return notes.findings


def _examinations(
    settings: Settings, collectors: Mapping[str, Named], sources: Mapping[str, Any], deadline: Deadline
) -> Iterable[tuple[str, Awaitable[list[Finding]]]]:
    if (source := sources.get("postgres")) is not None:
        yield "postgres", postgres.examine(source, _expected(settings, collectors, source.options), deadline)
    if (source := sources.get("redis")) is not None:
        yield "redis", redis.examine(source, deadline)
    if (source := sources.get("pgbouncer")) is not None:
        login = _login(_text(settings.pgbouncer.dsn))
        yield "pgbouncer", pgbouncer.examine(source, login, deadline)
    if (source := sources.get("host")) is not None:
        yield "host", host.examine(source, settings.host.procfs)


def _expected(
    settings: Settings, collectors: Mapping[str, Named], options: PostgresOptions
) -> postgres.Expected:
    on = settings.enabled_collectors()
    return postgres.Expected(
        login=_login(options.dsn),
        max_connections=options.max_connections,
        wanted=options.wants,
        needy=[n for n, c in collectors.items() if n in on and c.spec.view is not None and c.spec.view.needs],
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
