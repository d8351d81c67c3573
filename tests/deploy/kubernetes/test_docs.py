"""docs/kubernetes.md: its commands name what is there, and its examples are what kubectl takes."""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from mixin.rules import ROOT
from tests.deploy.kubernetes.pods import Store, namespace, pod, pods
from tests.deploy.kubernetes.rendered import FOLDER, Object, copy, kustomizations, objects, render, together

pytestmark = pytest.mark.xdist_group("kubernetes")  # one worker renders it all, once


APPLIED_FIRST = (
    "monitoring",
    "secrets",
    "overlays/standalone",
    "host",
    "overlays/sidecar",
    "example/secrets",
)


@cache
def text() -> str:
    return (ROOT / "docs" / "kubernetes.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text(), re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]


def test_what_is_applied_exists() -> None:
    applied = [line[line.index("apply") + 1 :] for line in commands() if "apply" in line]

    for flag, path in applied:
        if flag == "-k":
            assert str((ROOT / path).relative_to(FOLDER)) in kustomizations()
        else:
            (found,) = yaml.safe_load_all((ROOT / path).read_text())
            assert found["kind"] == "Namespace"
    assert {str((ROOT / path).relative_to(FOLDER)) for flag, path in applied if flag == "-k"} >= {
        *APPLIED_FIRST
    }


def test_namespaces_are_there_before_what_is_in_them() -> None:
    there = {"default"}
    for line in commands():
        if "apply" not in line:
            continue
        flag, name = line[-2:]
        path = ROOT / name
        found = render(str(path.relative_to(FOLDER))) if flag == "-k" else [yaml.safe_load(path.read_text())]
        there |= {o["metadata"]["name"] for o in found if o["kind"] == "Namespace"}
        assert {namespace(o) for o in found} <= there, line


def test_what_is_asked_for_in_the_cluster_is_there() -> None:
    found = together(APPLIED_FIRST)
    known = {f"{o['kind'].lower()}/{o['metadata']['name']}": o for o in found}

    for line in commands():
        if "port-forward" in line:
            target, port = line[-2:]
            assert port in {str(p["port"]) for p in known[target]["spec"]["ports"]}
        if "exec" in line:
            assert pod(found, line[line.index("exec") + 1].removesuffix("-0")).kind == "StatefulSet"


def test_the_quick_start_s_addresses_and_passwords(tmp_path: Path) -> None:
    folder = copy(tmp_path) / "deploy" / "kubernetes"
    subprocess.run(["sh", folder / "secrets.sh"], capture_output=True, timeout=30, check=True)

    for name in re.findall(r"`(?:deploy/kubernetes/secrets/)?files/(\w+)`", text()):
        assert (folder / "secrets" / "files" / name).stat().st_size


def test_secrets_have_the_keys_of_the_table() -> None:
    found = {o["metadata"]["name"]: o["data"].keys() for o in render("secrets")}

    for name, keys in re.findall(r"(?m)^\| `([\w-]+)` \| (\w+(?:, \w+_\w+)*)", text()):
        if name in found and name != "alertmanager":
            assert {*keys.split(", ")} == found.pop(name)
    assert found.keys() == {"alertmanager"}


def test_the_names_of_the_ingress_are_changed_by_one_command(tmp_path: Path) -> None:
    root = copy(tmp_path)
    (line,) = (line for block in blocks("sh") for line in block.splitlines() if line.startswith("grep "))
    subprocess.run(["sh", "-c", line], cwd=root, timeout=30, check=True)

    found = [
        o
        for o in objects(root / "deploy/kubernetes/overlays/monitoring")
        if o["metadata"]["name"] != "alertmanager" or o["kind"] != "ConfigMap"
    ]
    assert "example.com" not in str([o for o in found if o["kind"] != "ConfigMap"])
    hosts = {rule["host"] for o in found if o["kind"] == "Ingress" for rule in o["spec"]["rules"]}
    assert hosts == {f"{name}.your.domain" for name in ("grafana", "prometheus", "alertmanager")}


def test_the_example_of_a_sidecar_of_your_own_works(tmp_path: Path) -> None:
    root = copy(tmp_path)
    own = root / "own"
    own.mkdir()
    (example,) = blocks("yaml")
    (own / "kustomization.yaml").write_text(example)
    (own / "config.yml").write_text((root / "deploy/kubernetes/example/config.yml").read_text())
    database = _deployment("database", {"datastack-exporter/sidecar": "true"})
    (own / "database.yaml").write_text(yaml.safe_dump_all([database, _deployment("other", {})]))

    found = objects(own)
    patched = pod(found, "database")
    assert [c["name"] for c in pod(found, "other").containers()] == ["app"]
    assert [c["name"] for c in patched.containers()] == ["app", "datastack-exporter"]
    sidecar = patched.container("datastack-exporter")
    assert sidecar["image"].startswith("registry.example.com/")
    assert patched.labels["datastack-exporter/scrape"] == "true"
    secret = {"kind": "Secret", "metadata": {"name": "datastack-exporter", "namespace": "shop"}}
    files = Store([*found, secret]).files(patched, sidecar)
    assert files["/etc/datastack-exporter/config.yml"]


def _deployment(name: str, labels: dict[str, str]) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": "app:1"}]},
            },
        },
    }


def test_the_table_of_sizes_is_that_of_the_manifests() -> None:
    rows = re.findall(r"(?m)^\| (\w+) \| (\w+), (\w+) \| (\w+) \| ", text())
    told = {name.lower(): (memory, cpu, limit) for name, memory, cpu, limit in rows}

    for found in pods(together(("monitoring", "overlays/standalone"))):
        name = found.name.removeprefix("datastack-")
        (container,) = found.containers()
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert told.pop(name) == (requests["memory"], requests["cpu"], limits["memory"])
    assert not told


def test_folders_and_policies_are_all_told() -> None:
    for name in kustomizations("Component"):
        assert f"`{name}`" in text() or f"{name}`" in text(), name
    for found in together(("overlays/monitoring", "overlays/standalone")):
        if found["kind"] == "NetworkPolicy" and found["metadata"]["name"] != "default-deny":
            assert f"| `{found['metadata']['name']}`" in text()
