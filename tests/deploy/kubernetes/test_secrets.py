"""Secrets: none is shipped, a script makes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.kubernetes.rendered import FOLDER, Refused, copy, kustomizations, objects, render

pytestmark = pytest.mark.xdist_group("kubernetes")  # one worker renders it all, once


def test_no_secret_is_shipped() -> None:
    found = [o for name in kustomizations() if "secrets" not in name for o in render(name)]

    assert not [o["metadata"]["name"] for o in found if o["kind"] == "Secret"]


def test_secrets_need_their_script_first_and_are_not_made_twice(tmp_path: Path) -> None:
    folder = copy(tmp_path) / "deploy" / "kubernetes"
    with pytest.raises(Refused, match="files"):
        objects(folder / "secrets")

    made = []
    for _ in range(2):
        subprocess.run(["sh", folder / "secrets.sh"], capture_output=True, timeout=30, check=True)
        made.append({path: path.read_bytes() for path in folder.glob("**/files/*")})
    assert made[0] == made[1]
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("**/files"))


def test_the_script_is_sound() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "shellcheck", FOLDER / "secrets.sh"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout
