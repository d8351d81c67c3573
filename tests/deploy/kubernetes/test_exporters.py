"""The exporter of each manifest: its configuration as the program reads it from what the container sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from exporter.cli._options import Options
from exporter.settings import Settings
from tests.deploy.kubernetes.pods import Pod, Store, lay_out, pod
from tests.deploy.kubernetes.rendered import Object, render, together
from tests.servers import Exporter

pytestmark = pytest.mark.xdist_group("kubernetes")  # one worker renders it all, once


EXPORTER = "datastack-exporter"
DATABASES = {"postgres": 5432, "redis": 6379, "pgbouncer": 6432}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")

EXPORTERS: Mapping[str, tuple[list[str], str]] = {
    "base": (["base"], EXPORTER),
    "standalone": (["overlays/standalone", "secrets"], EXPORTER),
    "host": (["host"], f"{EXPORTER}-host"),
    "sidecar": (["overlays/sidecar", "example/secrets"], "shop"),
    "sidecar-plain": (["overlays/sidecar-plain", "example/secrets"], "shop"),
}
"""What is applied -> which workload of it has the exporter."""


def exporter_of(name: str) -> tuple[Pod, dict[str, Any], list[Object]]:
    names, workload = EXPORTERS[name]
    objects = together(names)
    if name == "base":  # it has no namespace of its own: the Secret of any will do
        secret = next(o for o in render("secrets") if o["metadata"]["name"] == EXPORTER)
        objects = [*objects, {**secret, "metadata": {"name": EXPORTER}}]
    found = pod(objects, workload)
    return found, found.container(EXPORTER), objects


def arguments(container: Mapping[str, Any], root: Path) -> list[str]:
    """The settings among a container's arguments, with files below a folder; also what the files say."""
    for path in root.rglob("*.yml"):
        path.write_text(path.read_text().replace("/run/secrets/", f"{root}/run/secrets/"))
    serve, *rest = container["args"]
    assert serve == "serve"
    return [line.replace("=/etc/", f"={root}/etc/") for line in rest]


def settings_of(name: str, root: Path) -> Settings:
    found, container, objects = exporter_of(name)
    lay_out(Store(objects).files(found, container), root)
    options = Options.discovered({})
    options.argv = arguments(container, root)
    return options.load()


@pytest.mark.parametrize("name", EXPORTERS)
def test_the_program_takes_its_configuration(name: str, tmp_path: Path) -> None:
    found, *_ = exporter_of(name)
    settings = settings_of(name, tmp_path)
    jobs = {label.partition("/")[2] for label in found.labels if label.startswith(f"{EXPORTER}/")}

    assert settings.web.listen_address == f":{found.ports()['datastack']}"
    assert jobs == {"scrape", *_watched(settings)}


def _watched(settings: Settings) -> Iterator[str]:
    for stack in (settings, *settings.targets.values()):
        for name, key in (("postgres", "dsn"), ("redis", "address"), ("pgbouncer", "dsn")):
            if getattr(getattr(stack, name), key):
                yield name
    if settings.host.enabled:
        yield "node"


def test_the_ports_of_the_databases_are_open() -> None:
    (policy,) = (found for found in render("base") if found["kind"] == "NetworkPolicy")
    out = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}

    assert out == {53, *DATABASES.values()}


def test_a_sidecar_asks_its_own_pod(tmp_path: Path) -> None:
    settings = settings_of("sidecar", tmp_path)

    assert settings.postgres.dsn is not None
    assert "host=127.0.0.1 " in settings.postgres.dsn.get_secret_value()
    assert settings.redis.address == "127.0.0.1:6379"


def test_the_host_is_seen_where_it_is_mounted(tmp_path: Path) -> None:
    found, container, _ = exporter_of("host")
    settings = settings_of("host", tmp_path)
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    paths = {name: volume.get("hostPath", {}).get("path") for name, volume in found.volumes().items()}

    for setting, path in (("procfs", "/proc"), ("sysfs", "/sys"), ("rootfs", "/")):
        mount = mounts[getattr(settings.host, setting)]
        assert (paths[mount["name"]], mount["readOnly"]) == (path, True)


def test_no_probe_asks_the_databases(tmp_path: Path) -> None:
    """The daemon of the manifest, with servers that are not there: each probe is content in its time."""
    found, container, objects = exporter_of("sidecar")
    lay_out(Store(objects).files(found, container), tmp_path)
    probes = {
        (probe["httpGet"]["path"], probe["timeoutSeconds"])
        for name in EXPORTERS
        for probe in map(exporter_of(name)[1].get, PROBES)
        if probe
    }
    assert {path for path, _ in probes} == {"/-/healthy", "/-/ready"}

    # Port 9 of this machine: nothing listens.
    dsn, address = "host=127.0.0.1 port=9 user=exporter dbname=postgres", "127.0.0.1:9"
    line = arguments(container, tmp_path)
    with Exporter(arguments=line, postgres__dsn=dsn, redis__address=address) as daemon:
        for path, seconds in probes:
            assert daemon.get(path, timeout=float(seconds)).status == 200
        assert "pg_up 0" in daemon.get("/metrics").text


def test_the_example_database_finds_its_files() -> None:
    objects = together(EXPORTERS["sidecar"][0])
    found, store = pod(objects, "shop"), Store(objects)

    postgres = store.files(found, found.container("postgres"))
    assert {"role.sql", "pg_stat_statements.sql"} == {
        path.rpartition("/")[2] for path in postgres if path.startswith("/docker-entrypoint-initdb.d/")
    }
    # What role.sql reads, and what the sidecar says: the same password.
    sidecar = store.files(found, found.container(EXPORTER))
    own = postgres["/run/secrets/postgres_password"]
    assert own == sidecar["/run/secrets/datastack-exporter/postgres_password"] != b""
    assert (
        b"user exporter on #" in store.files(found, found.container("redis"))["/run/secrets/redis_users.acl"]
    )
