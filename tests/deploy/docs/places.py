"""A folder as the pages assume one, with servers behind the addresses that they name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import yaml

from exporter.demo.process import LOOPBACK
from tests.servers import (
    Alertmanager,
    Exporter,
    PgBouncer,
    Postgres,
    Prometheus,
    Redis,
    node_exporter,
    pgbouncer_exporter,
    postgres_exporter,
    redis_exporter,
    require,
)
from tests.servers.catalogue import ROOT
from tests.servers.postgres import PASSWORD

SECRET = "secret"
SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "track_io_timing": "on"}
JOBS = {"postgres": "postgres_up", "redis": "redis_up", "node": "uname", "pgbouncer": "pgbouncer_up"}
"""As pages have them, each with its cheapest collector: nobody looks at the rest here."""
COPIED = ("deploy", "prometheus", "alertmanager")

HOSTS = r"(?:HOST|NODE|REPLICA|MASTER)"
TEXTS: Mapping[str, str] = {
    r"https?://APPLICATION/": "http://localhost:9188/",
    r"\b(?:COLLECTOR|NAME)\b": "locks",
    r"/path/exporter\.yml": "exporter.yml",
    r"/etc/prometheus/alertmanager\.yml": "alertmanager/alertmanager.yml",
    r"/etc/prometheus/templates": "alertmanager/templates",
    r"/etc/prometheus/": "prometheus/",
    r"/run/secrets/\w+": "secret",
    r"/etc/datastack-exporter/(config|web)\.yml": r"\1.yml",
    r"--observe 60": "--observe 1",
    r"baseline create": "baseline create --seconds 1",
    # Its console knows these two; the role of the pages is that of the server.
    r"-U exporter pgbouncer": "-U stats pgbouncer",
    r"-U app app": "-U postgres postgres",
}
"""What stands in for words of a page that its reader is to replace, and for its waiting times."""


class Administered(Prometheus):
    """One that makes snapshots, as the page on operations wants it, and reloads."""

    def _line(self, program: Path, port: int) -> list[str | Path]:
        return [*super()._line(program, port), "--web.enable-admin-api", "--web.enable-lifecycle"]


class Places:
    """A context manager. Servers are started when a page first names their address.

    Args:
        folder: where pages are read: gets the project's files, a configuration `exporter.yml`, a password.

    Attributes:
        typed: the steps of runbooks that have been run: many say the same, and leave nothing behind.
        untouched: whether the folder is as `fresh` leaves it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.typed: set[str] = set()
        self.untouched = False
        self._stack = ExitStack()
        self._ports: dict[int, int] = {}
        self._known: Mapping[int, Callable[[], int]] = {
            5432: lambda: self.postgres.port,
            6379: lambda: self.redis.port,
            6432: lambda: self.pgbouncer.port,
            9188: self._exporter,
            9090: self._prometheus,
            9093: lambda: self._stack.enter_context(require(Alertmanager)).port,
            9187: lambda: self._stack.enter_context(require(postgres_exporter, self.postgres)).port,
            9121: lambda: self._stack.enter_context(require(redis_exporter, self.redis)).port,
            9100: lambda: self._stack.enter_context(require(node_exporter)).port,
            9127: lambda: self._stack.enter_context(require(pgbouncer_exporter, self.pgbouncer)).port,
        }

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        try:
            self.postgres = enter(require(Postgres, settings=SETTINGS))
            self.redis = enter(require(Redis))
            self.pgbouncer = enter(require(PgBouncer, self.postgres))
        except BaseException:
            self._stack.close()
            raise
        self.postgres.execute(
            "CREATE EXTENSION pg_stat_statements; CREATE SCHEMA shop; CREATE ROLE exporter LOGIN"
        )
        self.postgres.execute("CREATE TABLE shop.orders (id int PRIMARY KEY); GRANT pg_monitor TO exporter")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def port(self, documented: int) -> int:
        """The port here of a server that the pages have on this one."""
        if documented not in self._ports:
            self._ports[documented] = self._known[documented]()
        return self._ports[documented]

    def text(self, step: str) -> str:
        """A step of a page with the addresses and names of this machine."""
        for words, here in TEXTS.items():
            step = re.sub(words, here, step)
        step = re.sub(rf"-h {HOSTS} -p (\d+)", lambda found: self._options("-h", int(found[1])), step)
        step = re.sub(rf"-h {HOSTS}\b", lambda _: self._options("-h", 6379), step)
        step = re.sub(r"host=localhost(?= user)", lambda _: f"host={LOOPBACK} port={self.port(5432)}", step)
        return re.sub(r"localhost:(\d+)", lambda found: f"{LOOPBACK}:{self.port(int(found[1]))}", step)

    def _options(self, option: str, documented: int) -> str:
        return f"{option} {LOOPBACK} -p {self.port(documented)}"

    def fresh(self) -> None:
        """The folder as it is before a page is read."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name in COPIED:
            shutil.copytree(ROOT / name, self.folder / name)
        (self.folder / "exporter.yml").write_text(yaml.safe_dump(self._config()))
        (self.folder / "secret").write_text(SECRET)
        self.postgres.execute(f"ALTER ROLE exporter PASSWORD '{SECRET}'")
        passwords = self.folder / "pgpass"
        passwords.write_text(f"*:*:*:exporter:{SECRET}\n*:*:*:*:{PASSWORD}\n")
        passwords.chmod(0o600)

    def _config(self) -> dict[str, object]:
        postgres = {"dsn": self.postgres.dsn()}
        console = f"host={LOOPBACK} port={self.pgbouncer.port} user=stats password={PASSWORD}"
        return {
            "postgres": postgres,
            "redis": {"address": f"{LOOPBACK}:{self.redis.port}"},
            "pgbouncer": {"dsn": console},
            "targets": {"orders": {"postgres": postgres, "on_metrics": False}},
        }

    def _exporter(self) -> int:
        file = self.folder.parent / "served.yml"
        file.write_text(yaml.safe_dump(self._config()))
        return self._stack.enter_context(Exporter(config__file=str(file))).port

    def _prometheus(self) -> int:
        jobs = [
            {
                "job_name": job,
                "params": {"collect[]": [collector]},
                "static_configs": [{"targets": [f"{LOOPBACK}:{self.port(9188)}"]}],
            }
            for job, collector in JOBS.items()
        ]
        alertmanager = {"static_configs": [{"targets": [f"{LOOPBACK}:{self.port(9093)}"]}]}
        config = {
            "global": {"scrape_interval": "1s"},
            "rule_files": [str(ROOT / "prometheus" / "rules" / "*.yml")],
            "alerting": {"alertmanagers": [alertmanager]},
            "scrape_configs": jobs,
        }
        prometheus = self._stack.enter_context(require(Administered, config))
        prometheus.wait_for("count(up == 1) == 4")
        return prometheus.port
