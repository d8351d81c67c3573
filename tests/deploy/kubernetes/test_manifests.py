"""The kustomizations of deploy/kubernetes: rendered, known to several releases, in agreement."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from exporter import __version__
from mixin.rules import ROOT
from tests.deploy.kubernetes import generated, pod_security
from tests.deploy.kubernetes.agreement import findings
from tests.deploy.kubernetes.applied import APPLIED
from tests.deploy.kubernetes.conformance import CLIENT_SIDE, VERSIONS, refusals, too_large
from tests.deploy.kubernetes.pods import Pod, pods
from tests.deploy.kubernetes.rendered import (
    FOLDER,
    kustomizations,
    render,
    together,
)
from tests.each import each

pytestmark = pytest.mark.xdist_group("kubernetes")  # one worker renders it all, once


EXPORTER = "datastack-exporter"


@pytest.fixture(scope="module")
def all_pods() -> list[Pod]:
    return [found for names in APPLIED.values() for found in pods(together(names))]


@each(kustomizations())
def test_everything_is_rendered(name: str) -> None:
    assert render(name)


def test_every_component_is_used_by_an_overlay() -> None:
    used = {
        (path.parent / component).resolve()
        for path in FOLDER.rglob("kustomization.yaml")
        for component in yaml.safe_load(path.read_text()).get("components", [])
    }

    assert used == {(FOLDER / name).resolve() for name in kustomizations("Component")}


def test_every_kustomization_is_looked_at_in_what_is_applied() -> None:
    assert {name for names in APPLIED.values() for name in names} == {*kustomizations()} - {"base", "example"}


@each(VERSIONS)
def test_every_release_takes_them(version: str) -> None:
    found = [line for name in kustomizations() for line in refusals(render(name), version)]

    assert not found, "\n".join(found)


def test_everything_is_small_enough() -> None:
    found = [o for name in kustomizations() for o in render(name)]

    assert not [*too_large(found)]
    assert [*too_large([{"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"x": "x" * CLIENT_SIDE}}])]


@each(APPLIED)
def test_what_is_referred_to_is_there(name: str) -> None:
    assert not findings(together(APPLIED[name]))


def test_all_pods_are_restricted_but_those_that_see_the_node(all_pods: list[Pod]) -> None:
    found = {pod.name: pod_security.violations(pod) for pod in all_pods}

    assert found.pop("datastack-exporter-host") == {"hostPID", "volume type hostPath"}
    assert found.keys() == {"prometheus", "alertmanager", "grafana", EXPORTER, "shop"}
    assert not any(found.values()), found


def test_namespaces_enforce_what_their_pods_meet() -> None:
    spaces = {
        found["metadata"]["name"]: found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for name in ("monitoring", "host", "example")
        for found in render(name)
        if found["kind"] == "Namespace"
    }

    assert spaces == {"monitoring": "restricted", "shop": "restricted", "monitoring-host": "privileged"}


def test_containers_are_bounded_and_can_write_nowhere_else(all_pods: list[Pod]) -> None:
    for pod in all_pods:
        for container in pod.containers():
            where = f"{pod.name}/{container['name']}"
            resources = container["resources"]
            assert resources["requests"].keys() == {"cpu", "memory"}, where
            assert resources["limits"].keys() == {"memory"}, where
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, where


def test_only_prometheus_has_a_token(all_pods: list[Pod]) -> None:
    assert {pod.name for pod in all_pods if pod.spec.get("automountServiceAccountToken") is not False} == {
        "prometheus"
    }
    (role,) = (found for found in render("monitoring") if found["kind"] == "ClusterRole")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]


def test_images_are_pinned_and_the_same_as_elsewhere(all_pods: list[Pod]) -> None:
    images = {container["image"] for pod in all_pods for container in pod.containers()}
    own = {image for image in images if EXPORTER in image}
    compose = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yml").read_text())["services"].values()

    assert {image.rpartition("/")[2] for image in own} == {f"{EXPORTER}:{__version__}"}
    assert all("@sha256:" in image for image in images - own)
    assert images - own <= {service.get("image") for service in compose}


def test_operator_and_no_operator_never_scrape_a_pod_twice() -> None:
    for names in APPLIED.values():
        kinds = [found["kind"] for found in together(names)]
        assert kinds.count("PodMonitor") <= 1
        assert "ServiceMonitor" not in kinds


def test_generated_files_are_up_to_date() -> None:
    assert {path: path.read_text() for path in generated.texts()} == generated.texts(), generated.COMMAND


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("prometheus", "rules/*.yml"),
        ("alertmanager", "templates/*.tmpl"),
        ("grafana", "dashboards/*.json"),
    ],
)
def test_no_file_is_left_behind(folder: str, pattern: str) -> None:
    text = (ROOT / folder / "kustomization.yaml").read_text()
    names = {str(path.relative_to(ROOT / folder)) for path in (ROOT / folder).glob(pattern)}

    assert names == {name for name in names if name in text}
    assert not [
        line for line in text.splitlines() if pattern[-4:] in line and not any(n in line for n in names)
    ]


def test_yaml_is_as_it_should_be() -> None:
    rules = "{extends: default, rules: {line-length: {max: 125}, document-start: disable}}"
    files = [
        *(
            path
            for suffix in ("yaml", "yml")
            for path in FOLDER.rglob(f"*.{suffix}")
            if "rules" not in path.stem
        ),
        *(
            ROOT / folder / "kustomization.yaml"
            for folder in ("prometheus", "alertmanager", "grafana", "deploy/sql")
        ),
    ]
    done = subprocess.run(
        [Path(sys.executable).parent / "yamllint", "--strict", "-d", rules, *files],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout
