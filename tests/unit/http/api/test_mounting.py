"""The daemon has the API where it is asked for; what it needs is imported only then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.http.api.asking import SECRET

PROGRAM = """
import os, sys
missing = {missing!r}
if missing:
    sys.modules[missing] = None
os.environ.clear()
from exporter.cli._options import Options
from exporter.daemon import Daemon
from exporter.model.errors import SettingsError
options = Options.discovered({variables!r})
try:
    Daemon(options.load, options.load(), options.collectors)
except SettingsError as error:
    print(error)
else:
    print(" ".join(name for name in ("fastapi", "jwt", "limits", "cryptography") if sys.modules.get(name)))
"""
ON = {"EXPORTER_API__ENABLED": "true"}


def run(variables: dict[str, str], missing: str = "") -> str:
    program = PROGRAM.format(variables=variables, missing=missing)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def on(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "secret").write_text(SECRET)
    return {**ON, "EXPORTER_API__JWT_SECRET_FILE": str(tmp_path / "secret")}


def test_what_only_the_api_needs_is_imported_only_for_it(on: dict[str, str]) -> None:
    assert run({}) == ""
    assert run(on) == "fastapi jwt limits cryptography"


def test_what_is_not_installed_is_named(on: dict[str, str]) -> None:
    expected = "api.enabled: limits is missing: pip install 'datastack-exporter[api]'"
    assert run(on, "limits") == expected
