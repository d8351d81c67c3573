"""Builds the image itself, by buildah, over a base of Debian's packages: python -m tests.deploy.image.check

`make image-check`. The real builder reads the real Dockerfile and .dockerignore; looked at are what it took,
what it wrote into the configuration, and the daemon in a container that it runs. The table of sizes in
docs/container.md is written anew. Then the tests of test_image.py run over the same base.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

import exporter
from tests.deploy.image import context, sizes, wheels
from tests.deploy.image.build import PATH, run
from tests.deploy.image.dockerfile import ROOT, stages
from tests.servers.missing import Missing

BASE = ROOT / ".cache" / "image-base"
PACKAGES = "ca-certificates,netbase,tzdata,python3,python3-pip-whl"
TOOLS = ("debootstrap", "buildah")
NAME = f"datastack-exporter:{exporter.__version__}"
# Inside a container the builder's chroot shares this machine's network: loopback, and a port of our own.
PORT = 19188
USER = 65532


def main() -> None:
    """Prints one line for each thing that was shown; all of it ends with name spaces of its own."""
    if sys.argv[1:] != ["inside"]:
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.execvp(own[0], [*own, sys.executable, "-m", "tests.deploy.image.check", "inside"])
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        raise SystemExit(f"run: apt-get install {' '.join(missing)}")
    wheels.fetch()
    base()
    with tempfile.TemporaryDirectory(prefix="image-") as scratch:
        builder = Builder(Path(scratch))
        try:
            _check(builder)
        finally:
            builder.output("rm", "--all")
    print("docs/container.md: the table of sizes is written")
    tests = [sys.executable, "-m", "pytest", "-q", "tests/deploy/image/test_image.py"]
    subprocess.run(tests, cwd=ROOT, env={**os.environ, "IMAGE_BASE": str(BASE)}, check=True)


def _check(builder: Builder) -> None:
    builder.build()
    _check_configuration(builder.configuration())
    _check_context(builder)
    _check_container(builder)
    sizes.write(builder.mounted(), builder.compressed())


def base() -> None:
    """Makes the base once: Debian 12, its Python, and a pip where the official image has its own."""
    if BASE.exists():
        return
    BASE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BASE.parent, prefix=".image-base-") as work:
        root = Path(work) / "root"
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for archive in root.glob("var/cache/apt/archives/*.deb"):
            archive.unlink()
        next(root.glob("usr/lib/python3*/EXTERNALLY-MANAGED")).unlink()
        wheel = "/usr/share/python-wheels/pip-*.whl"
        script = f'for wheel in {wheel}; do python3 "$wheel/pip" install --no-index "$wheel"; done'
        run("env", "-i", f"PATH={PATH}", "chroot", root, "sh", "-c", script)
        (root / "etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
        root.rename(BASE)


class Builder:
    """buildah with a store of its own, chroots instead of containers, nothing pulled."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._command = ["buildah", "--root", str(scratch / "root"), "--runroot", str(scratch / "run")]
        self._environment = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
        self._container = ""

    def output(self, *arguments: str) -> str:
        """What one buildah command prints."""
        done = subprocess.run(
            [*self._command, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Missing(f"buildah {' '.join(arguments)}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def build(self) -> None:
        """The image, from the Dockerfile as it is but for its first base."""
        container = self.output("from", "scratch")
        self.output("add", "--quiet", container, str(BASE), "/")
        self.output("commit", "--quiet", "--rm", container, "localhost/base")
        options = ["--from=localhost/base", "--pull-never", "--format=docker", "--build-arg=REVISION=0123abc"]
        self.output("bud", *options, f"--volume={wheels.CACHE}:/wheels:ro", f"--tag={NAME}", str(ROOT))
        self._container = self.output("from", "--pull-never", NAME)

    def configuration(self) -> dict[str, Any]:
        """The image's configuration, as engines read it."""
        found: dict[str, Any] = json.loads(self.output("inspect", "--type=image", NAME))["Docker"]["config"]
        return found

    def run(self, *command: str) -> list[str]:
        """The command line that runs something in the container, as the image's user."""
        address = f"--env=EXPORTER_WEB__LISTEN_ADDRESS=127.0.0.1:{PORT}"
        return [*self._command, "run", address, self._container, "--", *command]

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """The command, running."""
        return subprocess.Popen(self.run(*command), env=self._environment, stderr=subprocess.DEVNULL)

    def mounted(self) -> Path:
        """The container's root."""
        return Path(self.output("mount", self._container))

    def compressed(self) -> dict[str, int]:
        """Bytes of the image's layers as a registry has them, the base's among them."""
        self.output("push", NAME, f"oci:{self._scratch / 'oci'}")
        blobs = self._scratch / "oci" / "blobs" / "sha256"
        index = json.loads((self._scratch / "oci" / "index.json").read_text())
        manifest = json.loads((blobs / index["manifests"][0]["digest"].partition(":")[2]).read_text())
        return {layer["digest"]: layer["size"] for layer in manifest["layers"]}

    def context(self) -> list[str]:
        """The files that the builder takes of the project."""
        everything = self._scratch / "everything"
        everything.write_text("FROM scratch\nCOPY . /\n")
        self.output("bud", f"--file={everything}", "--tag=everything", str(ROOT))
        root = Path(self.output("mount", self.output("from", "--pull-never", "localhost/everything")))
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def _check_configuration(said: dict[str, Any]) -> None:
    last = stages()[-1]
    assert said["User"] == last.one("USER").text
    assert said["Entrypoint"] == last.one("ENTRYPOINT").exec_form
    assert not said["Cmd"]
    assert said["Healthcheck"]["Test"] == ["CMD", *last.one("HEALTHCHECK").exec_form]
    assert [*said["ExposedPorts"]] == [f"{last.one('EXPOSE').text}/tcp"]
    assert said["Labels"]["org.opencontainers.image.version"] == exporter.__version__
    assert said["Labels"]["org.opencontainers.image.revision"] == "0123abc"
    print(f"built {NAME}: user {said['User']}, entry point and health check are exec forms")


def _check_context(builder: Builder) -> None:
    taken = builder.context()
    assert taken == context.files(), set(taken) ^ set(context.files())
    print(f"the builder took {len(taken)} files, those that .dockerignore leaves")


def _check_container(builder: Builder) -> None:
    daemon = builder.start("datastack-exporter")
    try:
        script = (
            "for _ in 1 2 3 4 5 6 7 8 9; do datastack-exporter healthcheck && exit; sleep 1; done; exit 1"
        )
        healthy = ["sh", "-c", script]
        assert builder.start(*healthy).wait(60) == 0
        below = psutil.Process(daemon.pid).children(recursive=True)
        own = next(process for process in below if process.name().startswith("datastack"))
        assert own.uids().real == USER
        own.terminate()
        assert daemon.wait(20) == 0
    finally:
        daemon.kill()
    print("the daemon ran as 65532, was healthy, and ended at SIGTERM")


if __name__ == "__main__":
    main()
