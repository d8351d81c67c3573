"""The configurations of the monitoring stack, as the programs read them out of what the containers see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mixin.rules import ROOT, RULES
from tests.deploy.kubernetes.conformance import SCHEMAS
from tests.deploy.kubernetes.pods import Pod, Store, lay_out, namespace, pod
from tests.deploy.kubernetes.rendered import render, together
from tests.deploy.kubernetes.tools import run, scraped
from tests.each import each

pytestmark = pytest.mark.xdist_group("kubernetes")  # one worker renders it all, once


STACK = ("overlays/monitoring", "secrets")


def mounted(name: str, root: Path) -> tuple[Pod, Mapping[str, Any]]:
    objects = together(STACK)
    found = pod(objects, name)
    container = found.container(name)
    lay_out(Store(objects).files(found, container), root)
    return found, container


def test_prometheus_takes_its_configuration_and_every_rule(tmp_path: Path) -> None:
    """Debian's promtool is built without kubernetes_sd; a schema of ours looks at that part."""
    mounted("prometheus", tmp_path)
    path = tmp_path / "etc" / "prometheus" / "prometheus.yml"
    config = yaml.safe_load(path.read_text())
    schema = json.loads((SCHEMAS / "kubernetes_sd.json").read_text())
    for job in config["scrape_configs"]:
        if "kubernetes_sd_configs" in job:
            jsonschema.validate(job.pop("kubernetes_sd_configs"), schema)
    path.write_text(json.dumps(config))
    done = run("promtool", "check", "config", path)

    assert done.returncode == 0, done.stdout + done.stderr
    rules = sum(len(group["rules"]) for path in RULES.glob("*.yml") for group in _groups(path.read_text()))
    counts = [int(line.split()[1]) for line in done.stdout.splitlines() if line.endswith("rules found")]
    assert sum(counts) == rules


def _groups(text: str) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(text)["groups"]
    return groups


def test_alertmanager_takes_its_configuration_and_finds_its_secrets(tmp_path: Path) -> None:
    mounted("alertmanager", tmp_path)
    path = tmp_path / "etc" / "alertmanager" / "alertmanager.yml"
    done = run("amtool", "check-config", path)

    assert done.returncode == 0, done.stdout + done.stderr
    shipped = {file.name for file in (ROOT / "alertmanager" / "templates").iterdir()}
    assert {file.name for file in (path.parent / "templates").iterdir()} == shipped
    assert path.read_bytes() == (ROOT / "alertmanager" / "alertmanager.yml").read_bytes()
    wanted = {word for word in path.read_text().split() if word.startswith("/run/secrets/")}
    assert wanted == {f"/{file.relative_to(tmp_path)}" for file in (tmp_path / "run" / "secrets").iterdir()}


@each(["prometheus", "alertmanager"])
def test_every_flag_exists(name: str) -> None:
    container = pod(together(STACK), name).container(name)
    known = run(name, "--help")

    for argument in container["args"]:
        assert f"{argument.partition('=')[0]}=" in known.stdout + known.stderr
    (external,) = (e["value"] for e in container["env"] if e["name"] == "EXTERNAL_URL")
    assert external == f"https://{name}.example.com"
    assert "--web.external-url=$(EXTERNAL_URL)" in container["args"]


def test_prometheus_keeps_thirty_days_on_its_volume() -> None:
    found = pod(together(STACK), "prometheus")
    flags = dict(argument.split("=", 1) for argument in found.container("prometheus")["args"])
    (workload,) = (
        o for o in together(STACK) if (o["kind"], o["metadata"]["name"]) == ("StatefulSet", "prometheus")
    )
    (claim,) = workload["spec"]["volumeClaimTemplates"]
    (mount,) = (m for m in found.container("prometheus")["volumeMounts"] if m["name"] == "data")

    assert flags["--storage.tsdb.retention.time"] == "30d"
    assert flags["--storage.tsdb.path"] == mount["mountPath"]
    kept = int(flags["--storage.tsdb.retention.size"].removesuffix("GB"))
    assert kept <= 0.8 * int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi"))


def test_grafana_finds_sources_dashboards_and_secrets(tmp_path: Path) -> None:
    _, container = mounted("grafana", tmp_path)
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    (provider,) = (tmp_path / "etc/grafana/provisioning/dashboards").iterdir()
    dashboards = tmp_path / yaml.safe_load(provider.read_text())["providers"][0]["options"]["path"].lstrip(
        "/"
    )

    assert {path.name: path.read_bytes() for path in dashboards.iterdir()} == {
        path.name: path.read_bytes() for path in (ROOT / "grafana" / "dashboards").iterdir()
    }
    for name, value in env.items():
        if name.endswith(("__FILE", "_PATH")):
            assert (tmp_path / value.lstrip("/")).stat().st_size
    services = {
        o["metadata"]["name"]: o["spec"]["ports"][0]["port"]
        for o in together(STACK)
        if o["kind"] == "Service"
    }
    (sources,) = (tmp_path / "etc/grafana/provisioning/datasources").iterdir()
    urls = {source["url"] for source in yaml.safe_load(sources.read_text())["datasources"]}
    assert urls == {f"http://{name}:{services[name]}" for name in ("prometheus", "alertmanager")}


def test_the_operator_gets_the_same_rules(tmp_path: Path) -> None:
    found = [o for o in render("overlays/standalone-operator") if o["kind"] == "PrometheusRule"]
    groups = [group for o in found for group in o["spec"]["groups"]]
    shipped = [group for path in sorted(RULES.glob("*.yml")) for group in _groups(path.read_text())]

    assert groups == shipped
    paths = []
    for number, rule in enumerate(found):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(rule["spec"]))
    done = run("promtool", "check", "rules", *paths)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_cluster_s_jobs_are_the_shipped_ones() -> None:
    shipped, cluster = scraped()
    kept = ("params", "metric_relabel_configs", "metrics_path", "scrape_interval")

    def essence(config: Mapping[str, Any]) -> dict[str, Any]:
        return {job["job_name"]: {key: job.get(key) for key in kept} for job in config["scrape_configs"]}

    assert essence(cluster) == essence(shipped)
    assert cluster["global"] == shipped["global"]
    assert cluster["rule_files"] == shipped["rule_files"]


def test_alertmanager_and_itself_are_at_their_services() -> None:
    _, cluster = scraped()
    services = {
        f"{o['metadata']['name']}:{port['port']}"
        for o in together(STACK)
        if o["kind"] == "Service"
        for port in o["spec"]["ports"]
    }
    (alerting,) = cluster["alerting"]["alertmanagers"]
    jobs = {job["job_name"]: job for job in cluster["scrape_configs"]}

    assert {*alerting["static_configs"][0]["targets"]} <= services
    assert {*jobs["alertmanager"]["static_configs"][0]["targets"]} <= services
    assert jobs["prometheus"]["static_configs"] == [{"targets": ["localhost:9090"]}]


def test_behind_the_ingress_are_a_password_or_oauth2() -> None:
    basic, oauth = (
        {
            o["metadata"]["name"]: o["metadata"]["annotations"]
            for o in render(f"overlays/{name}")
            if o["kind"] == "Ingress"
        }
        for name in ("monitoring", "monitoring-oauth2")
    )
    prefix = "nginx.ingress.kubernetes.io/"
    secret = next(
        o for o in render("secrets") if o["metadata"]["name"] == basic["monitoring"][f"{prefix}auth-secret"]
    )

    assert basic["monitoring"][f"{prefix}auth-type"] == "basic"
    assert secret["data"].keys() == {"auth"}
    assert namespace(secret) == "monitoring"
    assert f"{prefix}auth-url" in oauth["monitoring"]
    assert not {f"{prefix}auth-type", f"{prefix}auth-secret"} & oauth["monitoring"].keys()
    for found in (*basic.values(), *oauth.values()):
        assert found[f"{prefix}force-ssl-redirect"] == "true"
    # Grafana has logins, which a password of the ingress would be mistaken for.
    assert not [name for name in basic["grafana"] if name.startswith(f"{prefix}auth-")]
