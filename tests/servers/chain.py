"""The whole chain on loopback: servers, exporters, an application, Prometheus, Alertmanager and receivers.

What users deploy is taken as it is shipped. Only addresses and waiting times are others: see `hurried` and
`tests.servers.alerting.shipped_config`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import yaml

from exporter.demo.account import server_account
from exporter.demo.process import LOOPBACK
from tests.servers import folders, history
from tests.servers.alerting import another_day, shipped_config
from tests.servers.application import Application
from tests.servers.catalogue import ROOT
from tests.servers.daemon import Exporter
from tests.servers.load import APPLICATION, STREAM, Load
from tests.servers.missing import require
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import Postgres
from tests.servers.prometheus import Alertmanager, Prometheus
from tests.servers.receivers import Receivers
from tests.servers.redis import Redis
from tests.workload import replica

SHIPPED = ROOT / "prometheus"
SECONDS = "1s"
WAIT, LONGER = "2s", "4s"
"""What stands for a `for` of up to a minute, and for a longer one: causes fire before symptoms."""
SHORT = ("30s", "1m")

Replacements = Mapping[tuple[str, str], Mapping[str, str]]
"""Alert and severity -> what is replaced in its expression by what: thresholds that are times."""

POSTGRES = {
    "max_connections": "63",
    "superuser_reserved_connections": "3",
    "max_wal_senders": "6",
    "wal_level": "logical",
    "track_functions": "all",
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    "archive_mode": "on",
    "archive_command": "true",
}

# The backlog for the replica counts as used memory.
CACHE = {"maxmemory": "32mb", "repl-backlog-size": "64kb"}

STANDBY = {"hot_standby": "on", "hot_standby_feedback": "on", "wal_receiver_status_interval": "1s"}

SWITCHES: Mapping[str, Any] = {
    "collector__postmaster": "true",
    "collector__stat_statements": "true",
    "collector__stat_user_functions": "true",
    "collector__statio_user_indexes": "true",
    "collector__redis_clients": "true",
}
"""Collectors that are off by default, and that dashboards have panels for."""

SETTINGS: Mapping[str, Any] = {
    "postgres__pool_sizes": f"{APPLICATION}=10",
    "redis__key_patterns": "sessions=session:*,queues=queue*",
    "redis__check_single_streams": [STREAM],
    "redis__top_keys": 5,
    "redis__scan_interval_seconds": 5,
}
"""What has to be said before there is anything to show: pools, keys, streams."""

UP = "count(up) == 9 and count(up) == sum(up)"
"""That Prometheus reaches all that it is to scrape."""


def hurried(folder: Path, replacements: Replacements) -> Path:
    """Copies the shipped rules with short waits, and returns the folder.

    `for` becomes two or four seconds, `keep_firing_for` one, and groups are evaluated every second.
    Thresholds stay, but for those of `replacements`.

    Raises:
        AssertionError: a replacement is not in its alert.
    """
    for path in sorted((SHIPPED / "rules").glob("*.yml")):
        content = yaml.safe_load(path.read_text())
        for group in content["groups"]:
            group["interval"] = SECONDS
            for rule in group["rules"]:
                _hurry(rule, replacements)
        (folder / path.name).write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def _hurry(rule: dict[str, Any], replacements: Replacements) -> None:
    if "for" in rule:
        rule["for"] = WAIT if rule["for"] in SHORT else LONGER
    if "keep_firing_for" in rule:
        rule["keep_firing_for"] = SECONDS
    key = (rule.get("alert", ""), rule.get("labels", {}).get("severity", ""))
    for old, new in replacements.get(key, {}).items():
        assert old in rule["expr"], f"{rule['alert']} has no {old!r}: {rule['expr']}"
        rule["expr"] = rule["expr"].replace(old, new)


class Chain:
    """A context manager: everything runs inside, and under load.

    Attributes:
        primary: a PostgreSQL with room for 60 sessions, and three of superusers.
        replica: its hot standby.
        pgbouncer: in front of the primary.
        cache: a Redis of 32 MB that evicts nothing.
        copy: its replica.
        application: with the metrics of docs/application-metrics.md.
        exporter: beside the primary, Redis, PgBouncer and the host.
        sidecar: beside the two replicas.
        prometheus: with the shipped configuration and rules, and a week of `tests.servers.history`.
        alertmanager: with the shipped configuration.
        receivers: whom it notifies.

    Args:
        replacements: of thresholds that are times.
    """

    def __init__(self, replacements: Replacements | None = None) -> None:
        self._replacements = replacements or {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._servers(stack)
            # Before the exporters: some figures are asked for at their start, and not again for an hour.
            stack.enter_context(Load(self.primary, self.pgbouncer, self.cache))
            self._exporters(stack)
            self.receivers = stack.enter_context(Receivers())
            # Nothing is muted, on whatever day and hour this runs.
            config = shipped_config(self.receivers, windows={"weekly-maintenance": another_day()})
            self.alertmanager = stack.enter_context(require(Alertmanager, config))
            self.prometheus = require(Prometheus, {})
            past = history.lines(f"{LOOPBACK}:{self.application.port}", self.instance(self.exporter))
            history.write(self.prometheus.folder / "data", past)
            stack.enter_context(self.prometheus)
            self.prometheus.reload(self._config())  # only now has it a port to scrape itself
            self._stack = stack.pop_all()
        self.prometheus.wait_for(UP, seconds=30)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def instance(self, exporter: Exporter) -> str:
        """The label `instance` of what an exporter shows."""
        return f"{LOOPBACK}:{exporter.port}"

    def _servers(self, stack: ExitStack) -> None:
        self.primary = stack.enter_context(require(Postgres, settings=POSTGRES))
        self.replica = stack.enter_context(replica(self.primary, "copy", settings=STANDBY))
        self.cache = stack.enter_context(require(Redis, settings=CACHE))
        source = {"replicaof": f"{LOOPBACK} {self.cache.port}"}
        self.copy = stack.enter_context(require(Redis, settings=source))
        self._pid_file = folders.new("pid") / "pgbouncer.pid"
        server_account().give(self._pid_file.parent)
        self.pgbouncer = stack.enter_context(
            require(PgBouncer, self.primary, ini={"pidfile": str(self._pid_file)})
        )
        self.application = stack.enter_context(Application())

    def _exporters(self, stack: ExitStack) -> None:
        self.exporter = stack.enter_context(
            Exporter(
                postgres__dsn=self.primary.dsn(),
                redis__address=self.cache.url,
                pgbouncer__dsn=self.pgbouncer.dsn(user="stats"),
                pgbouncer__pid_file=str(self._pid_file),
                **SWITCHES,
                **SETTINGS,
            )
        )
        self.sidecar = stack.enter_context(
            Exporter(postgres__dsn=self.replica.dsn(), redis__address=self.copy.url, **SWITCHES)
        )

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
        config["global"] |= {
            "scrape_interval": SECONDS,
            "scrape_timeout": SECONDS,
            "evaluation_interval": SECONDS,
        }
        config["rule_files"] = [str(hurried(folders.new("rules"), self._replacements) / "*.yml")]
        config["alerting"] = {"alertmanagers": [_static(self.alertmanager.port)]}
        ports = {
            "app": [self.application.port],
            "alertmanager": [self.alertmanager.port],
            "prometheus": [self.prometheus.port],
        }
        exporter, sidecar = self.exporter.port, self.sidecar.port
        ports |= {
            "postgres": [exporter, sidecar],
            "redis": [exporter, sidecar],
            "node": [exporter],
            "pgbouncer": [exporter],
        }
        jobs = [job for job in config["scrape_configs"] if job["job_name"] in ports]
        assert len(jobs) == len(ports), [job["job_name"] for job in config["scrape_configs"]]
        for job in jobs:
            for key in [key for key in job if key.endswith("_sd_configs")]:
                del job[key]
            job["static_configs"] = _static(*ports[job["job_name"]])["static_configs"]
        config["scrape_configs"] = jobs
        return config


def _static(*ports: int) -> dict[str, Any]:
    return {"static_configs": [{"targets": [f"{LOOPBACK}:{port}" for port in ports]}]}
