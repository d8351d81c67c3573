"""systemd as process 1 of a container of its own (systemd-nspawn), in which units run for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import psutil

from tests.servers import catalogue, folders
from tests.servers.missing import Missing

BOOT_SECONDS = 40.0
STOP_SECONDS = 10.0
RUN_SECONDS = 60.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CGROUPS = Path("/sys/fs/cgroup")
NOT_ENTERED = ("cpuset", "freezer")
"""Hierarchies that need more than a folder, and that no setting of the unit needs."""
LIMITING = ("blkio", "cpu", "cpuacct", "memory", "pids")
PACKAGES = "systemd-container, systemd and util-linux"

# nspawn refuses / as a tree, but not another mount of it; both mounts end with their name space.
BOOT = 'for group in $1; do echo $$ > "$group/cgroup.procs"; done; mount --bind "$2" "$3"; shift 3; exec "$@"'


class Machine:
    """A booted container; `machine()` makes one.

    Attributes:
        tree: where its files can be reached from outside, for who prepares it; an overlay shows nothing of
            what happens inside.
    """

    def __init__(self, tree: Path, process: subprocess.Popen[bytes], leader: int, log: Path) -> None:
        self.tree = tree
        self._process = process
        self._leader = leader
        self._log = log

    def run(
        self, *command: str, text: str = "", seconds: float = RUN_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command as root inside, whatever becomes of it; `text` is its standard input."""
        enter = ["nsenter", "-t", str(self._leader), *["-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]]
        line = [*enter, "env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", *command]
        return subprocess.run(line, input=text, capture_output=True, text=True, timeout=seconds, check=False)

    def out(self, *command: str, text: str = "", seconds: float = RUN_SECONDS) -> str:
        """The standard output of a command that has to succeed."""
        done = self.run(*command, text=text, seconds=seconds)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, script: str, *args: str, seconds: float = RUN_SECONDS) -> str:
        """The standard output of a script of sh that has to succeed."""
        return self.out("sh", "-euc", script, "sh", *args, seconds=seconds)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Writes a file inside."""
        self.shell('mkdir -p "$(dirname "$1")"', path)
        self.out("tee", path, text=text)
        self.out("chmod", f"{mode:o}", path)

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.out("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def journal(self, unit: str) -> str:
        """What a unit has logged."""
        return self.out("journalctl", "--no-pager", "--output=cat", f"--unit={unit}")

    def limit(self) -> None:
        """Lets this systemd set limits: nspawn mounts the hierarchies of version 1 for reading alone."""
        for name in LIMITING:
            if (CGROUPS / name).is_dir():
                self.out("mount", "-o", "remount,bind,rw", f"{CGROUPS}/{name}")
        self.out("systemctl", "daemon-reexec")

    def _boot(self) -> None:
        end = monotonic() + BOOT_SECONDS
        while monotonic() < end and self._process.poll() is None:
            state = self.run("systemctl", "is-system-running").stdout.strip()
            if state in ("running", "degraded"):
                return
            sleep(0.05)
        raise Missing(f"systemd-nspawn does not boot here: {_last(self._log)}")

    def _kill(self) -> None:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(self._leader).kill()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def machine(
    tree: Path = Path("/"), *options: str, overlay: bool = True, boot: Sequence[str] = ()
) -> Iterator[Machine]:
    """Boots a tree, and ends what runs in it afterwards.

    Args:
        tree: the root of a Linux with systemd; with `overlay` what is written there is gone afterwards.
        options: more options of systemd-nspawn.
        overlay: false to keep what is written.
        boot: arguments of systemd, such as `systemd.unit=basic.target` to start nothing else.

    Raises:
        Missing: this machine does not allow it, or systemd-nspawn is not installed.
    """
    if os.geteuid() != 0 or not shutil.which("systemd-nspawn"):
        raise Missing(f"needs root and {PACKAGES}: run `{catalogue.INSTALL}` as root")
    name = f"datastack-{os.getpid()}-{folders.new('machine').name[-6:].replace('_', '-')}"
    mounted, log = folders.new("tree"), folders.new("log") / "boot.log"
    volatile = ["--volatile=overlay"] if overlay else []
    nspawn = [
        *("systemd-nspawn", "--quiet", "--boot", f"--directory={mounted}", f"--machine={name}"),
        *("--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off", "--timezone=off"),
        *("--console=passive", "--system-call-filter=@clock", *volatile, *options, *boot),
    ]
    with _groups(name) as groups, log.open("wb") as written:
        command = [
            *("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--propagation=private"),
            *("sh", "-euc", BOOT, "sh", " ".join(map(str, groups)), str(tree), str(mounted), *nspawn),
        ]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            booted = Machine(tree, process, _leader(process, log), log)
            try:
                booted._boot()
                yield booted
            finally:
                booted._kill()
        finally:
            process.kill()
            process.wait()
            with suppress(OSError):
                Path("/run/systemd/nspawn/propagate", name).rmdir()


def _leader(process: subprocess.Popen[bytes], log: Path) -> int:
    """Process 1 of the container, as it is numbered outside: nspawn's child of that name."""
    end = monotonic() + BOOT_SECONDS
    while monotonic() < end and process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children():
                if child.name() == "systemd":
                    return child.pid
        sleep(0.02)
    raise Missing(f"systemd-nspawn does not start here: {_last(log)}")


def _last(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"


@contextmanager
def _groups(name: str) -> Iterator[list[Path]]:
    """Control groups of the machine's own in every hierarchy, so that it disturbs nobody else's."""
    made: list[Path] = []
    try:
        try:
            for folder in _own_groups():
                (folder / name).mkdir()
                made.append(folder / name)
        except OSError as error:
            raise Missing(f"can't make control groups ({error.strerror}): run as root") from error
        yield made
    finally:
        for folder in made:
            _remove(folder)


def _own_groups() -> Iterator[Path]:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        hierarchy = names.removeprefix("name=")
        if hierarchy in NOT_ENTERED:
            continue
        if not hierarchy:
            hierarchy = "unified" if (CGROUPS / "unified").is_dir() else ""
        yield CGROUPS / hierarchy / path.strip("/")


def _remove(group: Path) -> None:
    end = monotonic() + STOP_SECONDS
    while group.exists():
        for folder, _, _ in os.walk(group, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()
        if monotonic() > end:
            print(f"{group} can't be removed", file=sys.stderr)
            return
        sleep(0.01)
