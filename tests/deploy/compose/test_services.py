"""The files of the Compose stack by themselves: schema, linters, and what each service must have."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

import exporter
from tests.deploy.compose.checks import SERVICES, WATCHERS, port_of, run
from tests.deploy.compose.generated import FOLDER, ROOT
from tests.deploy.compose.stack import COMPOSE, HOST, RECEIVERS, Service, read
from tests.each import each

BIN = Path(sys.executable).parent
EACH = each(SERVICES.values())
OURS = "datastack-exporter"

YAMLLINT = {
    "extends": "default",
    "rules": {
        "line-length": {"max": 120},
        "document-start": "disable",
        "comments-indentation": "disable",
        "comments": {"min-spaces-from-content": 1},
    },
}


@pytest.mark.parametrize("path", [COMPOSE, HOST, RECEIVERS], ids=lambda p: p.name)
def test_the_schema_of_compose_files_holds(path: Path) -> None:
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)


def test_the_linters_find_nothing() -> None:
    run(BIN / "yamllint", "--strict", "-d", json.dumps(YAMLLINT), FOLDER)
    run(BIN / "shellcheck", FOLDER / "secrets.sh")
    run(BIN / "hadolint", FOLDER / "pgbouncer" / "Dockerfile")
    run(BIN / "compose-lint", "check", "--fail-on", "high", COMPOSE)


@EACH
def test_what_is_mounted_is_there(service: Service) -> None:
    for mount in service.mounts:
        if mount.kind == "bind":
            assert mount.path.exists(), mount.source
            assert mount.path.is_relative_to(ROOT)
            assert mount.options == "ro"
        if mount.kind == "volume":
            assert mount.source in read()["volumes"]
    targets = [mount.target for mount in service.mounts]
    assert len(targets) == len({*targets})


@EACH
def test_a_service_is_watched_limited_and_without_rights(service: Service) -> None:
    spec = service.spec
    assert {"test", "interval", "timeout", "retries", "start_period"} <= spec["healthcheck"].keys()
    assert re.fullmatch(r"\d+[mg]", spec["mem_limit"])
    assert 0 < spec["pids_limit"] <= 200
    assert spec["restart"] == "unless-stopped"
    assert spec["read_only"] is True
    assert spec["cap_drop"] == ["ALL"]
    assert "cap_add" not in spec
    assert "privileged" not in spec
    assert spec["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", spec["user"])
    assert spec["logging"]["options"].keys() == {"max-size", "max-file"}
    assert spec["networks"]


@EACH
def test_ports_are_open_on_loopback_alone(service: Service) -> None:
    for address, _, inside in service.ports:
        assert address == "127.0.0.1"
        assert inside == port_of(service)
        assert "front" in service.spec["networks"], "an internal network has no way in"


def test_no_port_is_taken_twice() -> None:
    outside = [port for service in SERVICES.values() for _, port, _ in service.ports]

    assert sorted(outside) == [3000, 9090, 9093, 9188]


def test_databases_are_behind_a_network_without_a_way_out() -> None:
    assert read()["networks"]["back"] == {"internal": True}
    for name in SERVICES.keys() - WATCHERS:
        assert SERVICES[name].spec["networks"] == ["back"]
        assert not SERVICES[name].ports


def test_who_watches_waits_for_nobodys_health() -> None:
    for name in WATCHERS:
        for condition in SERVICES[name].spec.get("depends_on", {}).values():
            assert condition == {"condition": "service_started"}
    assert "depends_on" not in SERVICES["exporter"].spec


@EACH
def test_images_are_pinned(service: Service) -> None:
    image = service.spec["image"]
    if "build" not in service.spec:
        assert re.fullmatch(r"[a-z/]+:v?\d+(\.\d+){1,2}@sha256:[0-9a-f]{64}", image)
        return
    dockerfile = (FOLDER / service.spec["build"]["context"] / "Dockerfile").resolve()
    bases = re.findall(r"(?m)^FROM (\S+)(?: AS (\w+))?", dockerfile.read_text())
    stages = {stage for _, stage in bases}
    assert [base for base, _ in bases if "@sha256:" not in base and base not in stages] == []
    if image.startswith(f"{OURS}:"):
        assert image == f"{OURS}:{exporter.__version__}"


def test_the_image_of_the_program_is_what_the_services_take_it_for() -> None:
    text = (ROOT / "Dockerfile").read_text()

    assert 'ENTRYPOINT ["datastack-exporter"]' in text
    assert re.search(r"PATH=/opt/datastack-exporter/bin:", text), "`python` has to be the environment's"
    assert f"EXPOSE {port_of(SERVICES['exporter'])}\n" in text
    (user,) = re.findall(r"(?m)^USER (\S+)$", text)
    ours = [s for s in SERVICES.values() if s.spec["image"].startswith(OURS)]
    assert {s.spec["user"] for s in ours} == {user}


def test_the_image_of_pgbouncer_agrees() -> None:
    text = (FOLDER / "pgbouncer" / "Dockerfile").read_text()
    service = SERVICES["pgbouncer"]

    assert re.findall(r"(?m)^(?:USER|EXPOSE) (\S+)$", text) == [service.spec["user"], str(port_of(service))]
    assert re.findall(r"(?m)^CMD (.+)$", text) == [json.dumps(service.line)]
