"""Files that are written, and what the JSON API needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.doctor import process
from exporter.doctor.files import written
from exporter.doctor.finding import Finding, Severity
from exporter.settings import Settings, load_settings

Examine = Callable[..., list[Finding]]


def examined(**settings: str) -> list[Finding]:
    environ = {f"EXPORTER_{name.upper()}": value for name, value in settings.items()}
    loaded: Settings = load_settings([], environ, {})
    return process.examine(loaded)


def follow(finding: Finding) -> None:
    """Does what the remedy says; the files are the user's already."""
    for line in finding.remedy.splitlines():
        if not line.startswith(("#", "chown")):
            subprocess.run(line, shell=True, check=True)


def test_nothing_that_is_off_is_looked_at(tmp_path: Path) -> None:
    assert examined(api__jwt_secret_file=str(tmp_path / "gone"), api__audit_file="/nowhere/audit") == []


def test_a_log_that_can_be_written_is_not_touched(tmp_path: Path) -> None:
    (finding,) = examined(slow_queries__directory=str(tmp_path))

    assert (finding.severity, finding.target) == (Severity.OK, "configuration")
    assert list(tmp_path.iterdir()) == []


def _folder_missing(folder: Path) -> Path:
    return folder / "it's gone" / "log"


def _folder_is_a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "log"


def _link(folder: Path) -> Path:
    (folder / "log").symlink_to("/dev/null")
    return folder / "log"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_folder_missing, "its folder is missing"),
        (_folder_is_a_file, "is no folder"),
        (_link, "it is no regular file"),
    ],
)
def test_a_file_that_can_not_be_written(make: Callable[[Path], Path], why: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    (finding,) = written([("slow_queries.directory", path), ("off", None)])

    assert finding.severity is Severity.ERROR
    assert why in finding.what
    follow(finding)
    (after,) = written([("slow_queries.directory", path)])
    assert after.severity is (Severity.ERROR if make is _folder_is_a_file else Severity.OK)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    (finding,) = written([("slow_queries.directory", tmp_path / "log")])
    tmp_path.chmod(0o755)

    assert "may not write in its folder" in finding.what


def test_the_keys_of_the_api(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    on = {"api__enabled": "true", "api__jwt_secret_file": str(secret)}

    (none,) = examined(api__enabled="true")
    assert "expected api.jwt_secret_file or api.jwks_file" in none.what

    (missing,) = examined(**on)
    assert "No such file" in missing.what
    follow(missing)
    assert [finding.severity for finding in examined(**on)] == [Severity.OK]

    secret.chmod(0o644)
    assert [finding.severity for finding in examined(**on)] == [Severity.OK, Severity.ADVICE]

    secret.write_text("short")
    secret.chmod(0o600)
    (short,) = examined(**on)
    assert (short.severity, "32 bytes at least" in short.what) == (Severity.ERROR, True)
    assert str(secret) not in short.remedy, "what is there may be needed elsewhere"


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "exporter.http.api.app", None)
    monkeypatch.delitem(sys.modules, "exporter.http.api.keys", raising=False)
    (finding,) = examined(api__enabled="true")

    assert finding.severity is Severity.ERROR
    assert finding.remedy == "pip install 'datastack-exporter[api]'"


def test_the_audit_file_of_the_api(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x" * 32)
    secret.chmod(0o600)
    on = {"api__enabled": "true", "api__jwt_secret_file": str(secret)}
    last = examined(**on, api__audit_file=str(tmp_path / "gone" / "audit"))[-1]

    assert last.severity is Severity.ERROR
    assert last.what.startswith("api.audit_file: ")
