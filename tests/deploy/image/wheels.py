"""The wheels that the image's lock names, kept in .cache/wheels: tests install from there, without a network.

`make servers` fetches them, for amd64 and arm64 and Python 3.11.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker, default_environment

from tests.deploy.image.dockerfile import ROOT
from tests.servers.missing import Missing

REQUIREMENTS = ROOT / "requirements"
LOCKS = (REQUIREMENTS / "image.txt", REQUIREMENTS / "build.txt")
CACHE = ROOT / ".cache" / "wheels"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
# The base has 3.11.16; Debian 12 has 3.11.2, which a root without an image is made of.
PYTHONS = ("3.11.2", "3.11.16")
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==([^ ;\\]+)(?: ; ([^\\]+))?", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock: name, version, the condition under which it is installed, hashes."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]

    def needed(self, machine: str, python: str) -> bool:
        """Whether an image for x86_64 or aarch64 with this Python has it."""
        environment = {
            **default_environment(),
            "platform_machine": machine,
            "sys_platform": "linux",
            "platform_python_implementation": "CPython",
            "implementation_name": "cpython",
            "python_full_version": python,
            "python_version": "3.11",
        }
        return not self.marker or Marker(self.marker).evaluate({k: str(v) for k, v in environment.items()})


def pins(lock: Path) -> list[Pin]:
    """The packages of a lock file, in their order."""
    text = lock.read_text()
    starts = [*PIN.finditer(text)]
    ends = [*(match.start() for match in starts[1:]), len(text)]
    return [
        Pin(match[1], match[2], (match[3] or "").strip(), frozenset(HASH.findall(text, match.end(), end)))
        for match, end in zip(starts, ends, strict=True)
    ]


def needed(machine: str) -> Iterator[Pin]:
    """What an image for one machine installs or builds with, under either Python."""
    for lock in LOCKS:
        yield from (pin for pin in pins(lock) if any(pin.needed(machine, python) for python in PYTHONS))


def wheels(pin: Pin) -> list[Path]:
    """The wheels of one package that are kept."""
    stem = re.escape(pin.name).replace(r"\-", "[-_.]")
    pattern = re.compile(rf"{stem}-{re.escape(pin.version)}-.*\.whl", re.IGNORECASE)
    return [path for path in CACHE.glob("*.whl") if pattern.fullmatch(path.name)]


def fits(wheel: Path, machine: str) -> bool:
    """Whether a wheel is for this machine, or for all."""
    platform = wheel.stem.rpartition("-")[2]
    return platform == "any" or machine in platform


def missing() -> dict[str, list[Pin]]:
    """By machine, the packages whose wheel is not kept; nothing when `fetch` has nothing to do."""
    lacking = {
        machine: [p for p in needed(machine) if not any(fits(w, machine) for w in wheels(p))]
        for machine in MACHINES
    }
    return {machine: found for machine, found in lacking.items() if found}


def fetch() -> None:
    """Downloads what is missing, checked against the hashes of the lock.

    Raises:
        Missing: pip could not get it.
    """
    for machine, lacking in missing().items():
        lines = [f"{pin.name}=={pin.version} {' '.join(sorted(pin.hashes))}" for pin in lacking]
        CACHE.mkdir(parents=True, exist_ok=True)
        wanted = CACHE / f"{machine}.txt"
        wanted.write_text("\n".join(lines))
        kinds = [f"--platform=manylinux_2_{glibc}_{machine}" for glibc in (36, 34, 28, 17, 12, 5)]
        python = ["--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none"]
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", *python, *kinds]
        command = [sys.executable, "-m", "pip", "download", *options, "-d", str(CACHE), "-r", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wanted.unlink()
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1]
            raise Missing(f"wheels of the image for {MACHINES[machine]}: {said}")


def require_wheels() -> Path:
    """The folder with all wheels of the locks.

    Raises:
        Missing: some are not there; the message says which command gets them.
    """
    if lacking := missing():
        names = sorted({pin.name for found in lacking.values() for pin in found})
        raise Missing(f"wheels of {', '.join(names)} are not in .cache/wheels: make servers")
    return CACHE
