"""The files of the Compose stack are at one with each other and with what they mount."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from exporter.settings.environment import PREFIX
from exporter.settings.keys import Keys, from_underscores
from tests.deploy.compose import generated
from tests.deploy.compose.checks import SERVICES, port_of
from tests.deploy.compose.generated import FOLDER, ROOT
from tests.deploy.compose.names import LISTEN, TIMES
from tests.deploy.compose.stack import HOST, RUN_SECRETS, Service, services
from tests.docs.settings import all_settings
from tests.each import each

EACH = each(SERVICES.values())


@pytest.mark.parametrize("path", generated.texts(), ids=lambda p: p.name)
def test_what_is_generated_is_what_is_shipped_now(path: Path) -> None:
    assert path.read_text() == generated.texts()[path], f"run {generated.COMMAND}"


def test_alertmanagers_routes_are_those_that_are_shipped() -> None:
    shipped, here = (
        yaml.safe_load(path.read_text())
        for path in (ROOT / "alertmanager" / "alertmanager.yml", FOLDER / "alertmanager.yml")
    )

    for key in ("route", "inhibit_rules", "time_intervals", "templates"):
        assert here[key] == shipped[key]
    assert [entry["name"] for entry in here["receivers"]] == [entry["name"] for entry in shipped["receivers"]]
    assert "secrets" not in (FOLDER / "alertmanager.yml").read_text()


def test_prometheus_differs_by_addresses_alone() -> None:
    shipped, here = (ROOT / "prometheus" / "prometheus.yml", FOLDER / "prometheus.yml")
    hosts = re.compile(r"\b(?:localhost|exporter|alertmanager)(?=:\d)")
    old, new = (yaml.safe_load(hosts.sub("HOST", path.read_text())) for path in (shipped, here))

    assert new == old


def addresses(text: str) -> Iterator[tuple[str, int]]:
    names = "|".join(SERVICES)
    for host, port in re.findall(rf"(?<![\w.-])({names}):(\d+)", text):
        yield host, int(port)
    for host, port in re.findall(rf"\bhost=({names}) port=(\d+)", text):
        yield host, int(port)


@EACH
def test_addresses_lead_to_services_that_are_in_reach(service: Service) -> None:
    texts = [m.path.read_text() for m in service.mounts if m.kind == "bind" and m.path.is_file()]
    texts += [str(value) for value in service.spec.get("environment", {}).values()]
    for host, port in addresses("\n".join(texts)):
        other = SERVICES[host]
        assert port == port_of(other), f"{host}:{port}"
        assert {*other.spec["networks"]} & {*service.spec["networks"]}, host


def test_everybody_who_is_to_be_reached_is_named() -> None:
    named = {
        name: {host for host, _ in addresses((FOLDER / name).read_text())}
        for name in ("prometheus.yml", "alertmanager.yml", "exporter.yml", "grafana/datasources.yaml")
    }

    assert named == {
        "prometheus.yml": {"exporter", "alertmanager"},
        "alertmanager.yml": {"alert-log"},
        "exporter.yml": {"postgres", "redis", "pgbouncer"},
        "grafana/datasources.yaml": {"prometheus", "alertmanager"},
    }


def test_redis_gives_the_exporter_what_the_readme_says() -> None:
    (told,) = re.findall(r"ACL SETUSER exporter on >PASSWORD (.+)", (ROOT / "README.md").read_text())
    (given,) = re.findall(r"(?m)^user exporter (.+)$", (FOLDER / "redis" / "users.acl").read_text())

    assert [word for word in given.split() if word.startswith("+")] == told.split()


def test_postgres_loads_what_its_scripts_set_up() -> None:
    service = SERVICES["postgres"]
    scripts = sorted(m.target for m in service.mounts if m.target.startswith("/docker-entrypoint-initdb.d/"))

    assert [service.bound(script).name for script in scripts] == [
        *("role.sql", "pg_stat_statements.sql", "shop.sql")
    ]
    assert "shared_preload_libraries=pg_stat_statements" in service.line


def test_prometheus_finds_its_files_and_keeps_a_month() -> None:
    service = SERVICES["prometheus"]
    config = yaml.safe_load(service.bound("/etc/prometheus/prometheus.yml").read_text())

    assert config["rule_files"] == ["rules/*.yml"]
    assert service.bound("/etc/prometheus/rules") == ROOT / "prometheus" / "rules"
    files = [
        f for job in config["scrape_configs"] for d in job.get("file_sd_configs", []) for f in d["files"]
    ]
    for file in files:
        assert (service.bound("/etc/prometheus/targets").parent / file).exists()
    assert "--storage.tsdb.retention.time=30d" in service.line
    assert any(word.startswith("--storage.tsdb.retention.size=") for word in service.line)
    assert not [word for word in service.line if "enable-lifecycle" in word or "enable-admin" in word]


def test_grafana_finds_sources_dashboards_and_its_password() -> None:
    service = SERVICES["grafana"]
    folder = "/etc/grafana/provisioning"
    sources = yaml.safe_load(service.bound(f"{folder}/datasources/datastack.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load(service.bound(f"{folder}/dashboards/datastack.yaml").read_text())[
        "providers"
    ]
    dashboards = service.bound(provider["options"]["path"])
    env = service.spec["environment"]

    assert {s["type"]: s["url"] for s in sources} == {
        "prometheus": "http://prometheus:9090",
        "alertmanager": "http://alertmanager:9093",
    }
    uids = {s["uid"] for s in sources}
    assert {s["jsonData"]["alertmanagerUid"] for s in sources if s["type"] == "prometheus"} <= uids
    assert len(list(dashboards.glob("*.json"))) > 10
    for path in dashboards.glob("*.json"):
        fixed = re.findall(r'"datasource": \{[^}]*"uid": "([^"]+)"', path.read_text())
        assert {uid for uid in fixed if not uid.startswith(("$", "-- "))} <= uids, path.name
    home = Path(env["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (dashboards / home.name).exists()
    assert env["GF_SECURITY_ADMIN_PASSWORD__FILE"] == f"{RUN_SECRETS}/grafana_admin_password"


def test_the_hosts_view_is_mounted_where_the_exporter_looks() -> None:
    service = services(HOST)["exporter"]
    keys = Keys(all_settings())
    env = {k: v for k, v in service.spec["environment"].items() if k.startswith(f"{PREFIX}HOST__")}
    mounts = {m.target: (m.source, m.options) for m in service.mounts if m.target.startswith("/host/")}

    assert all(from_underscores(name.removeprefix(PREFIX)) in keys for name in env)
    assert {*env.values()} == {*mounts}
    assert mounts == {
        "/host/proc": ("/proc", "ro"),
        "/host/sys": ("/sys", "ro"),
        "/host/root": ("/", "ro,rslave"),
    }
    assert service.spec["pid"] == "host"
    assert service.bound("/etc/datastack-exporter/config.yml").exists()


def test_what_the_native_run_replaces_is_in_the_files() -> None:
    """A replacement that finds nothing would leave a service on all addresses, and nobody would notice."""
    texts = "\n".join(
        m.path.read_text()
        for s in SERVICES.values()
        for m in s.mounts
        if m.kind == "bind" and m.path.is_file()
    )

    assert [pattern for pattern in LISTEN if not re.search(pattern, texts)] == []
    assert {*TIMES} <= {path.name for path in FOLDER.iterdir()}
