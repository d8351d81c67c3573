"""Builds the image's root, runs the daemon in it as its user on a read-only tree, prints what was seen.

    unshare --mount --net --pid --fork --kill-child --mount-proc \
      python -m tests.deploy.image.inside SCRATCH WHEELS [BASE]

One JSON object. The namespaces end all of it: mounts, processes, and there is no network but loopback.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path
from struct import pack
from typing import Any, Self

from tests.deploy.image.build import Base, Image, build, run
from tests.deploy.image.sizes import megabytes

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
PATIENCE = 20.0
INSTALLERS = """
from importlib.util import find_spec
print(*filter(find_spec, ["pip", "setuptools", "wheel", "ensurepip"]))
"""


def main(arguments: Sequence[str]) -> None:
    """Prints the observations."""
    scratch, wheels = map(Path, arguments[:2])
    run("mount", "-t", "tmpfs", "-o", "size=2g,mode=755", "tmpfs", scratch)
    base = Base(Path(arguments[2])) if arguments[2:] else Base(Path("/"), Path(sys.base_prefix))
    began = time.monotonic()
    image = build(base, scratch, wheels)
    seen: dict[str, Any] = {"build_seconds": round(time.monotonic() - began, 1), "labels": image.labels}
    run("umount", image.root / "wheels")
    (image.root / "wheels").rmdir()
    run("mount", "-o", "remount,bind,ro", image.root)
    _loopback()
    print(json.dumps({**seen, **_static(image), **_running(image)}))


def _static(image: Image) -> dict[str, Any]:
    """What lies in the tree."""
    venv = image.root / "opt/datastack-exporter"
    packages = next(venv.glob("lib/python3*/site-packages"))
    return {
        "bill": json.loads((venv / "sbom.cdx.json").read_text()),
        "programs": sorted(path.name for path in (venv / "bin").iterdir()),
        "without_bytecode": [
            str(source.relative_to(packages))
            for source in packages.rglob("*.py")
            if not [*source.parent.glob(f"__pycache__/{source.stem}.cpython-3*.pyc")]
        ],
        "writable": [str(p.relative_to(venv)) for p in venv.rglob("*") if _writable(p)],
        "megabytes": megabytes(venv),
        "packages_megabytes": {p.name: megabytes(p) for p in packages.iterdir() if p.is_dir()},
        "python": _output(
            image, ["python3", "-c", "import platform; print(platform.python_version())"]
        ).strip(),
        "installers": _output(image, ["python3", "-c", INSTALLERS]).split(),
    }


def _running(image: Image) -> dict[str, Any]:
    """The daemon as PID 1 of its own namespace: its page, what its own health check says, its end."""
    began = time.monotonic()
    with _Daemon(image) as daemon:
        page = daemon.page()
        seen = {
            "start_seconds": round(time.monotonic() - began, 2),
            "status": daemon.status(),
            "page": page,
            "touch": daemon.enter(["touch", "/opt/datastack-exporter/new"]),
            "tmp": daemon.enter(["touch", "/tmp/new"]),
            "healthy": daemon.enter(image.health),
        }
        began = time.monotonic()
        seen |= {"exit": daemon.end(), "end_seconds": round(time.monotonic() - began, 2)}
    seen["without_daemon"] = _user(image, image.health).returncode
    return seen


class _Daemon:
    """The image's command, run as its user, with its variables; PID 1 as in a container."""

    def __init__(self, image: Image) -> None:
        self._image = image

    def __enter__(self) -> Self:
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        proc = ["sh", "-c", 'mount -t proc proc "$0/proc" && exec "$@"', str(self._image.root)]
        self._outer = subprocess.Popen(
            [*own, *proc, *_command(self._image, self._image.command)], stdout=sys.stderr
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._outer.kill()
        self._outer.wait()

    @property
    def pid(self) -> int:
        """The daemon's process, as it is seen from here."""
        outer = self._outer.pid
        return int(Path(f"/proc/{outer}/task/{outer}/children").read_text())

    def page(self) -> str:
        """/metrics, as soon as it is there."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen("http://127.0.0.1:9188/metrics", timeout=10) as answer:
                    return str(answer.read(), "utf-8")
            except OSError:
                if time.monotonic() > end or self._outer.poll() is not None:
                    raise
                time.sleep(0.05)

    def status(self) -> dict[str, str]:
        """Uid, Gid, NSpid, capabilities and others of /proc/PID/status."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def enter(self, command: Sequence[str]) -> int:
        """Runs a command beside the daemon, as its user and with its variables; the exit status."""
        return _user(self._image, command).returncode

    def end(self) -> int:
        """Sends SIGTERM; the exit status."""
        os.kill(self.pid, signal.SIGTERM)
        return self._outer.wait(PATIENCE)


def _command(image: Image, command: Sequence[str]) -> list[str]:
    user, group = image.user.split(":")
    settings = [f"{name}={value}" for name, value in image.variables.items()]
    rights = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--clear-groups"]
    become = ["setpriv", f"--reuid={user}", f"--regid={group}", *rights, "--", "env", "-i", *settings]
    return ["chroot", str(image.root), *become, *command]


def _user(image: Image, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(image, command), capture_output=True, text=True, check=False)


def _output(image: Image, command: Sequence[str]) -> str:
    return _user(image, command).stdout


def _writable(path: Path) -> bool:
    status = path.lstat()
    return not path.is_symlink() and bool(status.st_mode & 0o022 or status.st_uid)


def _loopback() -> None:
    with socket.socket() as plain:
        ioctl(plain, SIOCSIFFLAGS, pack("16sH14x", b"lo", IFF_UP))


if __name__ == "__main__":
    main(sys.argv[1:])
