"""What Prometheus makes of the pods: promtool relabels them, with the labels that Kubernetes gives them.

There is no API server here. The pods of the rendered manifests become targets of file_sd with the labels of
kubernetes_sd's role `pod`: one target for each port of each container, native sidecars too.

Source: https://prometheus.io/docs/prometheus/2.42/configuration/configuration/#pod
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.kubernetes.pods import Pod, pods
from tests.deploy.kubernetes.rendered import render, together
from tests.deploy.kubernetes.tools import run, scraped

pytestmark = pytest.mark.xdist_group("kubernetes")  # one worker renders it all, once


META = "__meta_kubernetes_pod_"
JOBS = ("postgres", "redis", "node", "pgbouncer")
NODE = "node-7"

Targets = dict[str, set[tuple[str, str, str]]]
"""Job -> its targets: address, instance, namespace."""


def targets(pod: Pod, name: str, ip: str, phase: str = "Running") -> Iterator[dict[str, Any]]:
    """The targets that kubernetes_sd makes of one pod."""
    common = {
        "__meta_kubernetes_namespace": pod.namespace,
        f"{META}name": name,
        f"{META}ip": ip,
        f"{META}phase": phase,
        f"{META}node_name": NODE,
        f"{META}controller_kind": {"Deployment": "ReplicaSet"}.get(pod.kind, pod.kind),
        **_meta("label", pod.labels),
        **_meta("annotation", pod.annotations),
    }
    initial = [container["name"] for container in pod.spec.get("initContainers", [])]
    for container in pod.containers():
        of_container = {
            f"{META}container_name": container["name"],
            f"{META}container_init": str(container["name"] in initial).lower(),
        }
        for port in container.get("ports", []):
            of_port = {
                f"{META}container_port_name": port["name"],
                f"{META}container_port_number": str(port["containerPort"]),
                f"{META}container_port_protocol": "TCP",
            }
            address = f"{ip}:{port['containerPort']}"
            yield {"targets": [address], "labels": {**common, **of_container, **of_port}}


def _meta(kind: str, texts: Mapping[str, str]) -> dict[str, str]:
    names = {name: re.sub(r"[^a-zA-Z0-9_]", "_", name) for name in texts}
    return {f"{META}{kind}_{names[name]}": text for name, text in texts.items()} | {
        f"{META}{kind}present_{name}": "true" for name in names.values()
    }


def cluster() -> list[dict[str, Any]]:
    """A cluster with one of each, one that has ended, an application and pods that are none of ours."""
    applied = {
        "datastack-exporter-5d9f-x1": "overlays/standalone",
        "datastack-exporter-host-k2": "host",
        "shop-0": "overlays/sidecar",
        "shop-plain-0": "overlays/sidecar-plain",
    }
    found = [
        target
        for number, (name, overlay) in enumerate(applied.items(), 1)
        for pod in pods(together([overlay]))
        for target in targets(pod, name, f"10.0.0.{number}")
    ]
    (shop,) = pods(render("overlays/sidecar"))
    found += targets(shop, "shop-ended", "10.0.0.8", "Succeeded")
    ports = [{"name": "metrics", "containerPort": 8000}, {"name": "http", "containerPort": 8080}]
    for name, labels in (("web-1", {"datastack-exporter/app": "true"}), ("other-1", {"app": "other"})):
        spec = {"containers": [{"name": "app", "ports": ports}]}
        web = Pod(name, "Deployment", "shop", labels, {}, spec, frozenset())
        found += targets(web, name, f"10.0.1.{len(found)}")
    for monitored in pods(render("monitoring")):
        found += targets(monitored, f"{monitored.name}-0", "10.0.2.1")
    return found


def discover(configs: list[dict[str, Any]], folder: Path) -> Targets:
    """What promtool says of each job, over the targets that the job's selector lets through."""
    all_targets = cluster()
    for config in configs:
        selectors = [s["label"] for sd in config.pop("kubernetes_sd_configs") for s in sd["selectors"]]
        chosen = [t for t in all_targets if all(_has(t["labels"], selector) for selector in selectors)]
        path = folder / f"{config['job_name']}.json"
        path.write_text(json.dumps(chosen))
        config["file_sd_configs"] = [{"files": [str(path)]}]
    (folder / "prometheus.json").write_text(json.dumps({"scrape_configs": configs}))
    names = [config["job_name"] for config in configs]
    # It always waits for the whole time that it is given: all jobs at once.
    line = ("check", "service-discovery", "--timeout=1s", folder / "prometheus.json")

    def ask(name: str) -> set[tuple[str, str, str]]:
        done = run("promtool", *line, name)
        assert done.returncode == 0, done.stderr
        return {*_kept(json.loads(done.stdout))}

    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))


def _has(labels: Mapping[str, str], selector: str) -> bool:
    name, _, value = selector.partition("=")
    return labels.get(f"{META}label_{re.sub('[^a-zA-Z0-9_]', '_', name)}") == value


def _kept(said: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for target in said:
        labels = {name: text for name, text in target["labels"].items() if not name.startswith("__")}
        if labels:
            discovered = target["discoveredLabels"]
            assert labels.keys() <= {"instance", "job", "namespace"}, labels
            yield discovered["__address__"], labels["instance"], labels["namespace"]


EXPECTED: Targets = {
    "postgres": {
        ("10.0.0.1:9188", "datastack", "monitoring"),
        ("10.0.0.3:9188", "shop-0", "shop"),
        ("10.0.0.4:9188", "shop-plain-0", "shop"),
    },
    "redis": {
        ("10.0.0.1:9188", "datastack", "monitoring"),
        ("10.0.0.3:9188", "shop-0", "shop"),
        ("10.0.0.4:9188", "shop-plain-0", "shop"),
    },
    "node": {("10.0.0.2:9188", NODE, "monitoring-host")},
    "pgbouncer": {("10.0.0.1:9188", "datastack", "monitoring")},
}


@pytest.fixture(scope="module")
def by_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Targets:
    _, config = scraped()
    jobs = [{**job} for job in config["scrape_configs"] if "kubernetes_sd_configs" in job]
    return discover(jobs, tmp_path_factory.mktemp("prometheus"))


def test_each_job_scrapes_its_pods_once(by_prometheus: Targets) -> None:
    assert {job: by_prometheus[job] for job in JOBS} == EXPECTED


def test_applications_are_scraped_at_their_port(by_prometheus: Targets) -> None:
    ((address, instance, place),) = by_prometheus["app"]

    assert address.endswith(":8000")
    assert (instance, place) == ("web-1", "shop")


OPERATOR = [
    {"action": "drop", "source_labels": [f"{META}phase"], "regex": "(Failed|Succeeded)"},
    {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
    {"source_labels": [f"{META}container_name"], "target_label": "container"},
    {"source_labels": [f"{META}name"], "target_label": "pod"},
    {"target_label": "job", "replacement": "monitoring/datastack-exporter"},
    {"target_label": "endpoint", "replacement": "datastack"},
]
"""What the operator puts before the relabelings of a PodMonitor: its documented behaviour, written down."""

SNAKE = {"sourceLabels": "source_labels", "targetLabel": "target_label"}


def _as_scrape_config(
    endpoint: Mapping[str, Any], selector: Mapping[str, Any], number: int
) -> dict[str, Any]:
    (label,) = selector["matchLabels"].items()
    own = [{SNAKE.get(key, key): value for key, value in step.items()} for step in endpoint["relabelings"]]
    port = {"action": "keep", "source_labels": [f"{META}container_port_name"], "regex": endpoint["port"]}
    return {
        "job_name": f"endpoint-{number}",
        "kubernetes_sd_configs": [{"selectors": [{"label": "=".join(label)}]}],
        "relabel_configs": [port, *OPERATOR, *own],
    }


def test_the_operator_scrapes_the_same_under_the_same_names(tmp_path: Path) -> None:
    (monitor,) = (o for o in render("overlays/standalone-operator") if o["kind"] == "PodMonitor")
    spec, (_, cluster_config) = monitor["spec"], scraped()
    endpoints = spec["podMetricsEndpoints"]
    configs = [_as_scrape_config(endpoint, spec["selector"], n) for n, endpoint in enumerate(endpoints)]

    assert list(discover(configs, tmp_path).values()) == [EXPECTED[job] for job in JOBS]
    jobs = {job["job_name"]: job for job in cluster_config["scrape_configs"]}
    for name, endpoint in zip(JOBS, endpoints, strict=True):
        assert {"targetLabel": "job", "replacement": name} in endpoint["relabelings"]
        assert endpoint["params"] == jobs[name]["params"]
        renamed = [
            {SNAKE.get(k, k): v for k, v in step.items()} for step in endpoint.get("metricRelabelings", [])
        ]
        assert renamed == jobs[name].get("metric_relabel_configs", [])
        assert (endpoint["interval"], endpoint["scrapeTimeout"]) == (
            cluster_config["global"]["scrape_interval"],
            cluster_config["global"]["scrape_timeout"],
        )
