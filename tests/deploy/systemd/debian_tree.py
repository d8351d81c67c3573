"""A clean Debian 12 with the databases of its packages, and the wheels that pip needs there: fetched once."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.servers import catalogue, folders
from tests.servers.missing import Missing

SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libnss-systemd", "procps", "openssl"),
    *("python3", "python3-venv", "postgresql", "redis-server", "pgbouncer"),
)
KEPT = catalogue.CACHE / f"debian-{SUITE}"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "exporter", "deploy")
PREPARE_SECONDS = 1200
# The tree may ask whom this machine asks; both mounts end with their name space.
DOWNLOAD = """\
for path in /etc/pip.conf /etc/ssl/certs; do
  if [ -e "$path" ]; then [ -d "$path" ] || touch "$1$path"; mount --bind "$path" "$1$path"; fi
done
cp /etc/resolv.conf "$1/etc/resolv.conf"
chroot "$1" python3 -m venv /tmp/venv
chroot "$1" sh -c 'cd /src && /tmp/venv/bin/pip download -q --dest /opt/wheels ".[api]" "hatchling>=1.25"'
"""


def debian() -> Path:
    """The tree; nobody writes to it.

    Raises:
        Missing: it can't be had here.
    """
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        raise Missing(f"needs root and debootstrap: run `{catalogue.INSTALL}` as root")
    if not KEPT.exists():
        catalogue.CACHE.mkdir(parents=True, exist_ok=True)
        new = catalogue.CACHE / f".new-{SUITE}-{os.getpid()}"
        try:
            _run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(new))
            new.rename(KEPT)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return KEPT


def source() -> Path:
    """What a release holds, in a folder of its own: pip writes where it builds."""
    folder = folders.new("source")
    for name in SOURCES:
        there = catalogue.ROOT / name
        if there.is_dir():
            shutil.copytree(there, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(there, folder)
    folder.chmod(0o755)
    return folder


def wheels(tree: Path, checkout: Path) -> Path:
    """What pip would fetch for it on that Debian; anew when the dependencies change.

    Raises:
        Missing: they can't be had.
    """
    key = hashlib.sha256((checkout / "pyproject.toml").read_bytes()).hexdigest()[:12]
    kept = catalogue.CACHE / f"debian-{SUITE}-wheels-{key}"
    if not kept.exists():
        for folder in ("opt/wheels", "src"):
            (tree / folder).mkdir(exist_ok=True)
        new = catalogue.CACHE / f".new-{kept.name}-{os.getpid()}"
        new.mkdir()
        script = f'mount --bind "$2" "$1/src"\nmount --bind "$3" "$1/opt/wheels"\n{DOWNLOAD}'
        inner = ("sh", "-euc", script, "sh", str(tree), str(checkout), str(new))
        try:
            _run("unshare", "--mount", "--propagation=private", *inner)
            new.rename(kept)
        finally:
            shutil.rmtree(new, ignore_errors=True)
            shutil.rmtree(tree / "tmp" / "venv", ignore_errors=True)
    return kept


def _run(*command: str) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PREPARE_SECONDS,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-3:]
        raise Missing(f"`{command[0]}` failed: {' '.join(said)}")
