"""Carries out the Dockerfile without an engine: each stage is a root over a base, each RUN a chroot.

Needs root, and mounts: `inside.py` runs it in a mount namespace that ends with it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.image import context
from tests.deploy.image.dockerfile import ROOT, Instruction, Stage, expanded, stages

# What the base image sets; the Python of another base comes first.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Where the Dockerfile would ask an index, wheels that were fetched before stand in.
DEBIAN_PIP = "/usr/share/python-wheels/pip-*.whl"
INSTALL_PIP = 'python3 "$wheel/pip" install --no-index --root-user-action=ignore "$wheel"'
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_CONFIG_FILE": "/dev/null"}


@dataclass(slots=True)
class Image:
    """A stage that was carried out: its root, and what it says of how it is run."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    command: Sequence[str] = ()
    health: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Base:
    """A root that stands for the base image, and the folder of its Python where that is not on PATH."""

    root: Path
    python: Path | None = None

    @property
    def path(self) -> str:
        """PATH with that Python first."""
        return f"{self.python / 'bin'}:{PATH}" if self.python else PATH


def build(base: Base, scratch: Path, wheels: Path) -> Image:
    """All stages of the Dockerfile; the last one is the image.

    Args:
        base: what the first stage begins with.
        scratch: a folder for the roots; what is mounted below stays mounted.
        wheels: the folder that is /wheels in each root while it is built.

    Raises:
        subprocess.CalledProcessError: a step failed.
    """
    done: dict[str, Image] = {}
    for number, stage in enumerate(stages()):
        name = stage.name or str(number)
        if not stage.steps:
            done[name] = Image(base.root, {"PATH": base.path})
            continue
        before = done[stage.base]
        image = Image(overlay(before.root, scratch / name), dict(before.variables))
        prepare(image, base, wheels)
        _carry_out(stage, image, done)
        done[name] = image
    return done[name]


def overlay(lower: Path, folder: Path) -> Path:
    """A root that shows another one, and keeps what is changed to itself."""
    root, upper, work = (folder / part for part in ("root", "upper", "work"))
    for part in (root, upper, work):
        part.mkdir(parents=True)
    run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", root)
    run("mount", "--bind", "/dev", root / "dev")
    run("mount", "-t", "proc", "proc", root / "proc")
    run("mount", "-t", "sysfs", "-o", "ro", "sysfs", root / "sys")
    return root


def prepare(image: Image, base: Base, wheels: Path) -> None:
    """Makes the base like the image it stands for: pip, open to the numeric user, the wheels at hand."""
    (image.root / "wheels").mkdir(exist_ok=True)
    run("mount", "--bind", "-o", "ro", wheels, image.root / "wheels")
    for folder in base.python.parents if base.python else ():
        inside = image.root / folder.relative_to("/")
        inside.chmod(inside.stat().st_mode | 0o111)
    # Debian's Python keeps pip for its packages; the image's has one that can be taken away.
    for marker in image.root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    for package in image.root.glob("usr/lib/python3/dist-packages/pip*"):
        shutil.rmtree(package)
    chroot(
        image, ["sh", "-c", f"python3 -m pip --version || for wheel in {DEBIAN_PIP}; do {INSTALL_PIP}; done"]
    )


def chroot(image: Image, command: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    """Runs a command in the image's root, with its variables only."""
    variables = {**image.variables, **image.arguments, **(more or {})}
    settings = [f"{name}={value}" for name, value in variables.items()]
    there = ["sh", "-c", 'cd "$0" && exec "$@"', image.folder]
    run("env", "-i", *settings, "chroot", image.root, *there, *command)


def run(*command: str | Path) -> None:
    """Runs a command; what it says is shown when it fails.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, command)
        error.add_note(done.stdout)
        raise error


def _carry_out(stage: Stage, image: Image, done: Mapping[str, Image]) -> None:
    for step in stage.steps:
        text = expanded(step.text, {**image.variables, **image.arguments})
        match step.keyword:
            case "RUN":
                chroot(image, ["sh", "-c", step.text], OFFLINE)
            case "COPY":
                _copy(Instruction("COPY", text), image, done)
            case "WORKDIR":
                image.folder = text
                (image.root / text.strip("/")).mkdir(parents=True, exist_ok=True)
            case _:
                _declare(step, text, image)


def _declare(step: Instruction, text: str, image: Image) -> None:
    """What an instruction says of the image, beyond its files."""
    match step.keyword:
        case "USER":
            image.user = text
        case "ENV":
            image.variables |= Instruction("ENV", text).pairs
        case "ARG":
            image.arguments |= Instruction("ARG", text).pairs
        case "LABEL":
            image.labels |= Instruction("LABEL", text).pairs
        case "ENTRYPOINT":
            image.command = step.exec_form
        case "HEALTHCHECK":
            image.health = step.exec_form
        case "EXPOSE":
            pass
        case other:
            raise ValueError(f"the Dockerfile has {other}, which is not carried out here")


def _copy(step: Instruction, image: Image, done: Mapping[str, Image]) -> None:
    """COPY of a folder of another stage, or of files and folders of the context."""
    stage, words = None, step.words
    if words[0].startswith("--from="):
        stage = words.pop(0).removeprefix("--from=")
    *sources, target = words
    to = image.root / image.folder.strip("/") / target if target[0] != "/" else image.root / target.strip("/")
    if stage is not None:
        for source in sources:
            shutil.copytree(done[stage].root / source.strip("/"), to, symlinks=True)
        return
    for name in context.files():
        for source in sources:
            if name == source.rstrip("/") or name.startswith(f"{source.rstrip('/')}/"):
                _put(name, source, to, as_folder=target.endswith("/"))


def _put(name: str, source: str, to: Path, *, as_folder: bool) -> None:
    """One file of the context: of a copied folder its content goes, of a copied file the file itself."""
    if name == source:
        place = to / Path(name).name if as_folder else to
    else:
        place = to / Path(name).relative_to(source)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / name, place)
