"""The user that a private server runs as, and how a program is run as that user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from exporter.demo import launch
from exporter.demo.binaries import Program
from exporter.model.errors import ExporterError


class ServerFailed(ExporterError):
    """A private server did not start; the message ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a server runs as.

    Attributes:
        name: its name, for messages.
        uid: -1 for "as whoever we are".
        gid: its group, -1 likewise.
    """

    name: str
    uid: int = -1
    gid: int = -1

    def give(self, path: Path) -> None:
        """Makes the account the owner of a file, or of a folder and all that is in it."""
        if self.uid < 0:
            return
        os.chown(path, self.uid, self.gid)
        for parent, folders, files in os.walk(path):
            for name in (*folders, *files):
                with suppress(FileNotFoundError):  # a server that was killed may still be tidying up
                    os.chown(Path(parent, name), self.uid, self.gid, follow_symlinks=False)


def server_account() -> Account:
    """The account for servers: ours, but for root another one, because PostgreSQL refuses to run as root.

    `postgres` where it exists, else `nobody`, else any other of this machine.

    Raises:
        ServerFailed: we are root and there is no other account.
    """
    if os.geteuid() != 0:
        return Account("the current user")
    entries = sorted((e for e in pwd.getpwall() if e.pw_uid > 0), key=lambda e: e.pw_uid)
    by_name = {entry.pw_name: entry for entry in entries}
    entry = by_name.get("postgres") or by_name.get("nobody") or next(iter(entries), None)
    if entry is None:
        raise ServerFailed("PostgreSQL refuses to run as root and this machine has no other user: add one")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def launcher(account: Account, folder: Path, command: Sequence[str | Path], death: int) -> list[str]:
    """The command line that runs `command` as `account` in `folder`, ended by `death` with this process."""
    script = [sys.executable, "-I", "-S", launch.__file__]
    return [*script, *map(str, (os.getpid(), account.uid, account.gid, int(death), folder, *command))]


def environment() -> dict[str, str]:
    """What a server sees of our environment: not the PG* and REDIS_* variables meant for clients."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def run_as(account: Account, folder: Path, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end and returns its exit status and its output, both streams in one."""
    return subprocess.run(  # noqa: S603 - a server program of this machine
        launcher(account, folder, command, signal.SIGKILL),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        text=True,
        check=False,
    )


def within_reach(program: Program, account: Account, folder: Path) -> Path:
    """The program's file, or a copy of it in `folder` where the account can't run it in its place.

    That is so when we are root and our environment lies below a home folder that is closed to others.

    Args:
        program: the program and what it needs beside it.
        account: who has to run it.
        folder: a folder that is there and that the account can enter.

    Raises:
        ServerFailed: the account can't run the copy either.
    """
    if run_as(account, folder, [program.file, "--version"]).returncode != launch.NOT_ALLOWED:
        return program.file
    copy = folder / "binaries"
    for part in program.parts:
        (copy / part).parent.mkdir(parents=True, exist_ok=True)
        if (program.root / part).is_dir():
            shutil.copytree(program.root / part, copy / part, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(program.root / part, copy / part)
    account.give(copy)
    moved = copy / program.file.relative_to(program.root)
    if run_as(account, folder, [moved, "--version"]).returncode == launch.NOT_ALLOWED:
        raise ServerFailed(
            f"user {account.name} can't run programs in {folder}: set TMPDIR to a folder open to all users"
        )
    return moved
