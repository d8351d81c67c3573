"""The ways to deploy agree with each other and with the program: port, user, commands, secrets, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.cli import COMMANDS
from exporter.collectors import discover
from exporter.settings import Settings, load_settings
from exporter.settings.sections import Web
from tests.deploy.image.dockerfile import ROOT, Stage, stages

DEPLOY = ROOT / "deploy"
NAME = "datastack-exporter"
PORT = Web().bind[1]
CONFIGURATIONS = sorted({*DEPLOY.rglob("config.yml"), *DEPLOY.rglob("exporter.yml")})


def image() -> Stage:
    """What the image is when it runs."""
    return stages()[-1]


def containers() -> Iterator[tuple[Path, dict[str, Any]]]:
    """The exporter's containers, as the manifests for Kubernetes have them."""
    for path in sorted((DEPLOY / "kubernetes").rglob("*.yaml")):
        for found in yaml.safe_load_all(path.read_text()):
            for one in _inside(found):
                if str(one.get("image", "")).partition(":")[0] == NAME and "name" in one and "ports" in one:
                    yield path, one


def _inside(tree: object) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for below in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _inside(below)


def loaded(path: Path, folder: Path) -> Settings:
    """What the program makes of a shipped configuration, with a file where a secret will be."""
    secret = folder / "secret"
    secret.write_text("secret")
    here = folder / "config.yml"
    here.write_text(re.sub(r"(password_file:) [^\s,}]+", rf"\1 {secret}", path.read_text()))
    collectors = {name: (named.spec.default, named.spec.help) for name, named in discover().items()}
    return load_settings([f"--config.file={here}"], {}, collectors)


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_shipped_configuration_is_one_and_serves_on_the_usual_port(path: Path, tmp_path: Path) -> None:
    assert loaded(path, tmp_path).web.bind[1] == PORT


def test_there_are_configurations() -> None:
    folders = {path.relative_to(DEPLOY).parts[0] for path in CONFIGURATIONS}

    assert folders >= {"compose", "kubernetes", "systemd", "scaling"}


def test_one_port() -> None:
    assert image().one("EXPOSE").text == str(PORT)
    environment = {key: value for one in image().all("ENV") for key, value in one.pairs.items()}
    assert environment["EXPORTER_WEB__LISTEN_ADDRESS"] == f":{PORT}"
    assert {port["containerPort"] for _, one in containers() for port in one["ports"]} == {PORT}
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yml").read_text())["services"]["exporter"]
    assert [re.findall(r"\d{4,}", port) for port in compose["ports"]] == [[str(PORT), str(PORT)]]


def test_one_user_that_is_a_number() -> None:
    user, _, group = image().one("USER").text.partition(":")

    assert (user.isdecimal(), group) == (True, user)
    named = set()
    for path in (*(DEPLOY / "kubernetes").rglob("*.yaml"), DEPLOY / "compose" / "compose.yml"):
        text = path.read_text()
        if f"image: {NAME}" in text:
            named |= set(re.findall(r"(?:runAsUser|runAsGroup|fsGroup): (\d+)", text))
    assert named <= {user}, "a manifest runs the image as somebody else"


def test_one_name_for_each_secret() -> None:
    found = re.findall(r"password_file: \S*/([^\s,}]+)", "".join(path.read_text() for path in CONFIGURATIONS))

    assert set(found) == {"postgres_password", "redis_password", "pgbouncer_password"}
    for name in set(found):
        assert name in (DEPLOY / "compose" / "secrets.sh").read_text()


def test_the_program_and_its_commands_are_there() -> None:
    assert image().one("ENTRYPOINT").exec_form == [NAME]
    assert image().one("HEALTHCHECK").exec_form == [NAME, "healthcheck"]
    unit = (DEPLOY / "systemd" / f"{NAME}.service").read_text()
    (start,) = re.findall(r"^ExecStart=(\S+) (\S+)", unit, re.MULTILINE)
    assert start == (f"/opt/{NAME}/bin/{NAME}", "serve")
    copied = [word for one in image().all("COPY") for word in one.words]
    assert f"/opt/{NAME}" in copied
    assert {"serve", "healthcheck"} <= set(COMMANDS)


def test_each_way_has_its_page_and_the_readme_names_it() -> None:
    readme = (ROOT / "README.md").read_text()

    for name in ("container", *(folder.name for folder in DEPLOY.iterdir() if folder.name != "image")):
        assert (ROOT / "docs" / f"{name}.md").exists(), name
        assert f"docs/{name}.md" in readme, name
