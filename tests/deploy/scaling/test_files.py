"""The files of deploy/scaling/: tools take them, they agree with each other, each target has one shard."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.collectors import discover
from exporter.settings import Settings, load_settings
from tests.deploy.scaling.files import FOLDER, SHARDED, SHARDS, changed, shards_of
from tests.docs.generated import DOCS, ROOT
from tests.each import each
from tests.servers import Missing, catalogue, require

COLLECTORS = discover()
MANIFEST = "statefulset.yml"
CONFIGS = sorted({path.name for path in FOLDER.glob("*.yml")} - {"exporter.yml", MANIFEST})
KUBERNETES = "sidecars-kubernetes.yml"
HASHED = [f"db-{number}.example.org:9188" for number in range(60)]


def promtool() -> str:
    """The program.

    Raises:
        Missing: it is not on this machine.
    """
    found = shutil.which("promtool", path=catalogue.search_path())
    if found is None:
        raise Missing(f"promtool is not on this machine: run `{catalogue.apt(['prometheus'])}`")
    return found


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [require(promtool), *words], capture_output=True, text=True, check=False, cwd=FOLDER
    )


def labels_of(config: Path) -> list[dict[str, str]]:
    """The labels of each target of the job `datastack` that is left, as its series have them, by instance."""
    done = run("check", "service-discovery", "--timeout=100ms", config, "datastack")
    assert done.returncode == 0, done.stderr
    every = [one["labels"] for one in json.JSONDecoder().raw_decode(done.stdout)[0]]
    shown = [{n: v for n, v in labels.items() if not n.startswith("__")} for labels in every if labels]
    return sorted(shown, key=lambda labels: labels["instance"])  # promtool has them in any order


def static(text: str, groups: Iterable[Mapping[str, Any]]) -> str:
    """A configuration whose first job has its targets from here."""
    config = yaml.safe_load(text)
    job = config["scrape_configs"][0]
    for discovery in [key for key in job if key.endswith("_sd_configs")]:
        del job[discovery]
    job["static_configs"] = list(groups)
    return json.dumps(config)


@each(CONFIGS)
def test_promtool_takes_it(name: str) -> None:
    text = (FOLDER / name).read_text()
    # Debian's promtool is built without Kubernetes: its part is looked at below, by what comes of it.
    text = re.sub(r"kubernetes_sd_configs:\n( {6,}.*\n)+", "static_configs: []\n", text)
    done = subprocess.run(
        [require(promtool), "check", "config", "/dev/stdin"],
        input=text.replace("[targets/", f"[{FOLDER}/targets/"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout


def test_yamllint_finds_nothing() -> None:
    options = "{extends: default, rules: {line-length: {max: 120}, document-start: disable}}"
    done = subprocess.run(
        [sys.executable, "-m", "yamllint", "-d", options, FOLDER], capture_output=True, text=True, check=False
    )

    assert done.stdout + done.stderr == ""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """What exporter.yml amounts to for shard 1."""
    password = tmp_path / "password"
    password.write_text("secret")
    file = tmp_path / "exporter.yml"
    file.write_text(re.sub(r"/run/secrets/\w+", str(password), (FOLDER / "exporter.yml").read_text()))
    switches = {name: (named.spec.default, named.spec.help) for name, named in COLLECTORS.items()}
    return load_settings(["--config.file", str(file)], {"EXPORTER_SHARDING__SHARD": "1"}, switches)


def test_the_exporter_takes_its_file(settings: Settings) -> None:
    assert (settings.sharding.shard, settings.sharding.shards) == (1, 2)
    assert {name: target.on_metrics for name, target in settings.targets.items()} == dict.fromkeys(
        ("orders-1", "orders-2", "sessions"), False
    )


def test_the_names_and_labels_in_the_list_are_those_of_the_exporter(settings: Settings) -> None:
    groups = yaml.safe_load((FOLDER / "targets" / "datastack.yml").read_text())
    listed = {name: group["labels"] for group in groups for name in group["targets"]}

    assert listed == {name: dict(target.labels) for name, target in settings.targets.items()}


def test_as_many_exporters_are_asked_as_share_the_targets(settings: Settings) -> None:
    for name in ("shard.yml", "agent.yml"):
        (job,) = (
            j for j in yaml.safe_load((FOLDER / name).read_text())["scrape_configs"] if "http_sd_configs" in j
        )
        assert len(job["http_sd_configs"]) == settings.sharding.shards
    relabelled = yaml.safe_load((FOLDER / "shard-files.yml").read_text())["scrape_configs"][0][
        "relabel_configs"
    ]
    (modulus,) = (step["modulus"] for step in relabelled if step.get("target_label") == "__tmp_exporter")
    assert modulus == settings.sharding.shards


@pytest.mark.parametrize("name", SHARDED)
def test_the_other_shards_differ_in_their_number_alone(name: str, tmp_path: Path) -> None:
    texts = shards_of(name, tmp_path)

    assert len(texts) == SHARDS
    for number, text in enumerate(texts):
        assert yaml.safe_load(text)["global"]["external_labels"]["shard"] == str(number)
        assert text.replace(f'"{number}"', '"0"') == texts[0]


def test_a_sidecar_has_one_shard_and_its_cluster_the_same(tmp_path: Path) -> None:
    """60 alone, and ten clusters of three."""
    groups = [{"targets": HASHED}] + [
        {"targets": [f"c{n}-{member}.example.org:9188" for member in "abc"], "labels": {"cluster": f"c{n}"}}
        for n in range(10)
    ]
    found: list[tuple[int, dict[str, str]]] = []
    for number, text in enumerate(shards_of("sidecars.yml", tmp_path)):
        config = tmp_path / "config.yml"
        config.write_text(static(text, groups))
        found += [(number, labels) for labels in labels_of(config)]

    assert Counter(labels["instance"] for _, labels in found) == Counter(
        target for group in groups for target in group["targets"]
    )
    of_cluster = {labels["cluster"]: number for number, labels in found if "cluster" in labels}
    assert all(of_cluster[labels["cluster"]] == number for number, labels in found if "cluster" in labels)
    assert min(Counter(number for number, _ in found).values()) > 10


def pod(name: str, port: str = "datastack", phase: str = "Running", **more: str) -> dict[str, Any]:
    """What Kubernetes says of one port of a container."""
    about = {
        "namespace": "shop",
        "pod_name": name,
        "pod_container_port_name": port,
        "pod_phase": phase,
        **{f"pod_{key}": value for key, value in more.items()},
    }
    return {"targets": ["10.0.0.1:9188"], "labels": {f"__meta_kubernetes_{k}": v for k, v in about.items()}}


def test_of_a_pod_the_exporter_alone_is_a_target(tmp_path: Path) -> None:
    pods = [
        pod("orders-7f9", label_app_kubernetes_io_instance="orders"),
        pod("billing-5c2", annotation_datastack_exporter_instance="billing"),
        pod("orders-7f9", port="postgres"),
        pod("orders-aaa", phase="Succeeded"),
    ]
    text = changed((FOLDER / KUBERNETES).read_text(), {"modulus: 3": "modulus: 1"})
    config = tmp_path / "config.yml"
    config.write_text(static(text, pods))

    assert labels_of(config) == [
        {"instance": "billing", "job": "datastack", "namespace": "shop"},
        {"cluster": "orders", "instance": "orders-7f9", "job": "datastack", "namespace": "shop"},
    ]


def test_the_pods_are_those_of_the_manifests() -> None:
    (job, *_) = yaml.safe_load((FOLDER / KUBERNETES).read_text())["scrape_configs"]
    ((selector,),) = (found["selectors"] for found in job["kubernetes_sd_configs"])
    label, _, value = selector["label"].partition("=")
    texts = [
        p.read_text() for p in (ROOT / "deploy" / "kubernetes" / "components").glob("sidecar-*/sidecar.yaml")
    ]

    assert len(texts) == 2
    for text in texts:
        assert f'{label}: "{value}"' in text
        assert "- name: datastack\n" in text


@each(["1.28", "1.34"])
def test_kubernetes_takes_the_exporters(version: str) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("kubernetes-validate"), "-k", version, "--strict", FOLDER / MANIFEST],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_exporters_of_the_manifest_are_those_of_the_base() -> None:
    """But for what a shard needs, it is the Deployment of the base; there are as many as its head says."""
    service, shards = yaml.safe_load_all((FOLDER / MANIFEST).read_text())
    base = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "base" / "deployment.yaml").read_text())
    ours, its = (found["spec"]["template"]["spec"] for found in (shards, base))
    (variable,) = ours["containers"][0].pop("env")
    for spec in (ours, its):
        del spec["containers"][0]["resources"], spec["containers"][0]["startupProbe"]["failureThreshold"]

    assert ours == its
    assert variable["name"] == "EXPORTER_SHARDING__SHARD"
    assert f"sharding: {{shards: {shards['spec']['replicas']}}}" in (FOLDER / MANIFEST).read_text()
    assert service["spec"]["clusterIP"] == "None"
    assert shards["spec"]["serviceName"] == service["metadata"]["name"]


def test_what_goes_up_is_recorded_by_a_rule_or_a_metric_of_ours() -> None:
    recorded = re.findall(
        r"record: (\S+)", "".join(p.read_text() for p in (ROOT / "prometheus" / "rules").iterdir())
    )
    params = yaml.safe_load((FOLDER / "global.yml").read_text())["scrape_configs"][0]["params"]["match[]"]
    first, *others = params
    pattern = re.fullmatch(r'\{__name__=~"(.+)"\}', first)
    assert pattern is not None
    metrics = (DOCS / "metrics.md").read_text()

    assert len(recorded) > 50
    assert [name for name in recorded if not re.fullmatch(pattern[1], name)] == []
    for name in (other.partition("{")[0] for other in others):
        assert name == "up" or f"| `{name}` |" in metrics, name


def test_what_is_not_sent_away_is_there() -> None:
    (remote,) = yaml.safe_load((FOLDER / "agent.yml").read_text())["remote_write"]
    (drop,) = remote["write_relabel_configs"]
    names = re.findall(r"^\| `(\w+)(?:<name>\w*)?` \|", (DOCS / "metrics.md").read_text(), re.MULTILINE)

    for part in drop["regex"].split("|"):
        assert any(re.fullmatch(part, f"{name}x") for name in names), part
