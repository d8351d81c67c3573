"""Wheel and sdist: built as the release builds them, twice, and installed into an empty environment."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from email import message_from_bytes
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import exporter
from tests.deploy.image import wheels
from tests.deploy.image.dockerfile import ROOT
from tests.servers.missing import require

pytestmark = pytest.mark.timeout(180)
UV = Path(sys.executable).parent / "uv"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore")
STRAYS = (
    "tests/conftest.py",
    "mixin/x.py",
    "deploy/x.yml",
    "docs/x.md",
    ".github/x.yml",
    ".venv/x.py",
    "Makefile",
)
VERSION = exporter.__version__
# 2030-01-01: what a release sets to the time of its commit.
EPOCH = 1893456000


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the sdist of a copy of the project."""
    folder = tmp_path_factory.mktemp("release")
    _environment(folder / "build", "--require-hashes", "-r", str(wheels.LOCKS[1]))
    return _build(folder / "build", _copy(folder / "first"), folder / "dist")


@pytest.fixture(scope="module")
def installed(built: Path) -> Path:
    """An environment with nothing but the wheel and what it needs."""
    folder = built.parent / "installed"
    wheel = next(built.glob("*.whl"))
    _environment(folder, "--constraints", str(wheels.LOCKS[0]), str(wheel))
    return folder


def test_two_builds_give_the_same_bytes(built: Path):
    again = built.parent / "again"
    tree = _copy(built.parent / "elsewhere" / "deeper")
    for path in tree.rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (1, 1))
    _build(built.parent / "build", tree, again)
    assert _digests(built) == _digests(again)
    assert {name.rpartition(VERSION)[2] for name in _digests(built)} == {"-py3-none-any.whl", ".tar.gz"}


def test_the_wheel_of_the_sdist_is_the_wheel(built: Path):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(built.parent / "unpacked", filter="data")
    (tree,) = (built.parent / "unpacked").iterdir()
    _build(built.parent / "build", tree, built.parent / "from-sdist", "--target", "wheel")
    wheel = next(built.glob("*.whl"))
    assert _digests(built.parent / "from-sdist") == {wheel.name: _digests(built)[wheel.name]}


def test_the_wheel_holds_the_package_and_nothing_else(built: Path):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        names = archive.namelist()
    ours = {p.relative_to(ROOT).as_posix() for p in (ROOT / "exporter").rglob("*") if p.is_file()}
    expected = {name for name in ours if "__pycache__" not in name}
    about = {name for name in names if name.startswith(f"datastack_exporter-{VERSION}.dist-info/")}
    assert set(names) - about == expected
    assert {"exporter/py.typed", "exporter/cli/_report.html.j2"} <= expected
    assert {Path(name).name for name in about} == {
        "METADATA",
        "WHEEL",
        "RECORD",
        "entry_points.txt",
        "LICENSE",
    }


def test_the_sdist_holds_what_a_build_needs_and_nothing_else(built: Path):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert {name for name in names if not name.startswith("exporter/")} == {*SOURCES, "PKG-INFO"}


def test_the_metadata_is_what_an_index_takes(built: Path):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        raw = archive.read(f"datastack_exporter-{VERSION}.dist-info/METADATA")
    metadata = Metadata.from_email(raw, validate=True)
    assert (metadata.name, str(metadata.version)) == ("datastack-exporter", VERSION)
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.license_files == ["LICENSE"]
    assert {"api", "demo", "pgparse", "dev"} == set(metadata.provides_extra or [])
    message = message_from_bytes(raw)
    assert message["Description-Content-Type"] == "text/markdown"
    assert str(message.get_payload()).strip() == (ROOT / "README.md").read_text().strip()


def test_what_is_installed_runs_by_each_of_its_names(installed: Path, tmp_path: Path):
    programs = installed / "bin"
    said = f"datastack-exporter {VERSION}\n"
    for command in ([programs / "datastack-exporter"], [programs / "python", "-m", "exporter"]):
        assert _output([*command, "--version"], tmp_path) == said
    scripts = [e.name for e in entry_points(group="console_scripts") if e.value.startswith("exporter.")]
    assert scripts == ["datastack-exporter"]
    assert "pg_up" in _output([programs / "datastack-exporter", "catalog"], tmp_path)


def test_what_is_installed_is_typed(installed: Path, tmp_path: Path):
    where = "import exporter, pathlib; print(pathlib.Path(exporter.__file__).parent)"
    folder = Path(_output([installed / "bin" / "python", "-c", where], tmp_path).strip())
    assert folder.is_relative_to(installed)
    assert (folder / "py.typed").exists()


def _environment(folder: Path, *packages: str) -> None:
    kept = require(wheels.require_wheels)
    python = ["--python", sys.executable, "--no-config", "--quiet"]
    offline = ["--offline", "--no-index", "--find-links", str(kept), "--no-cache", "--link-mode", "copy"]
    _output([UV, "venv", *python, str(folder)], ROOT)
    into = ["--python", str(folder / "bin" / "python"), "--no-config", "--quiet"]
    _output([UV, "pip", "install", *into, *offline, "--no-build", *packages], ROOT)


def _copy(folder: Path) -> Path:
    """The project as a checkout has it, with a file in each folder that no package is to hold."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "exporter", folder / "exporter", ignore=ignored)
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)
    for name in STRAYS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    return folder


def _build(environment: Path, tree: Path, target: Path, *options: str) -> Path:
    hatchling: list[str | Path] = [environment / "bin" / "python", "-m", "hatchling", "build"]
    _output([*hatchling, "--directory", target, *options], tree, SOURCE_DATE_EPOCH=str(EPOCH))
    return target


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def _output(command: Sequence[str | Path], folder: Path, **variables: str) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout
