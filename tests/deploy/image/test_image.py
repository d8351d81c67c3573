"""The Dockerfile's own steps in a root over this machine, and the daemon in it, as `inside.py` saw them.

The base is this machine's Python 3.11: this shows the steps, not the base. `make image-check` runs the same
tests over a base of Debian's packages, the folder in IMAGE_BASE, and builds the image itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import exporter
from tests.deploy.image import sizes, wheels
from tests.deploy.image.dockerfile import ROOT
from tests.servers.missing import Missing, require

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("image")]
OWN = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def able() -> Path:
    """The wheels, where this machine can carry out a Dockerfile.

    Raises:
        Missing: it can't, with what is to be done.
    """
    if os.geteuid():
        raise Missing("a Dockerfile's steps need root: run the tests as root")
    if sys.version_info[:2] != (3, 11):
        raise Missing("the image's wheels are for Python 3.11: make PYTHON=python3.11 setup")
    return wheels.require_wheels()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `inside.py` prints."""
    folder = require(able)
    scratch = tmp_path_factory.mktemp("image")
    base = [os.environ["IMAGE_BASE"]] if "IMAGE_BASE" in os.environ else []
    command = [*OWN, sys.executable, "-m", "tests.deploy.image.inside", str(scratch), str(folder), *base]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    observed: dict[str, Any] = json.loads(done.stdout)
    return observed


def test_the_daemon_serves_as_the_numeric_user_and_pid_1(seen: dict[str, Any]):
    assert "exporter_build_info" in seen["page"]
    assert "process_cpu_seconds_total" in seen["page"]
    status = seen["status"]
    assert {*status["Uid"].split(), *status["Gid"].split()} == {"65532"}
    assert status["Groups"] == ""
    assert status["NSpid"].split()[-1] == "1"
    assert (status["CapEff"], status["NoNewPrivs"]) == ("0" * 16, "1")


def test_nothing_can_be_written_and_nothing_had_to_be(seen: dict[str, Any]):
    assert seen["touch"] != 0
    assert seen["tmp"] != 0
    assert seen["writable"] == []
    assert seen["without_bytecode"] == []


def test_the_health_check_follows_the_daemon(seen: dict[str, Any]):
    assert (seen["healthy"], seen["without_daemon"]) == (0, 1)


def test_sigterm_ends_pid_1_in_time(seen: dict[str, Any]):
    assert seen["exit"] == 0
    assert seen["end_seconds"] < 10


def test_no_installer_and_no_program_but_ours(seen: dict[str, Any]):
    assert seen["installers"] == []
    assert seen["programs"] == ["datastack-exporter", "python", "python3", "python3.11"]


def test_the_bill_of_materials_is_what_the_lock_says(seen: dict[str, Any]):
    bill = seen["bill"]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert bill["metadata"]["component"]["version"] == exporter.__version__
    listed = {
        (c["name"], c["version"]) for c in bill["components"] if c.get("purl", "").startswith("pkg:pypi/")
    }
    assert listed == {
        (pin.name, pin.version)
        for pin in wheels.pins(wheels.LOCKS[0])
        if pin.needed(os.uname().machine, seen["python"])
    }
    references = {c["bom-ref"] for c in bill["components"]}
    (own,) = (d for d in bill["dependencies"] if d["ref"] == bill["metadata"]["component"]["bom-ref"])
    assert {name.partition("@")[0] for name in own["dependsOn"]} >= {"pkg:pypi/psycopg", "pkg:pypi/redis"}
    assert {name for d in bill["dependencies"] for name in d["dependsOn"]} <= references


def test_the_environment_has_the_size_that_the_documentation_says(seen: dict[str, Any]):
    said = sizes.shown()["all of it"]
    assert said * 0.85 < seen["megabytes"] < said * 1.15, seen["packages_megabytes"]
