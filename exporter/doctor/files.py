"""The files that the settings name: who can read passwords, what can be written, what queries say."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

from exporter.collectors.user_queries import Loaded
from exporter.doctor.finding import Finding, Notes

TARGET = "configuration"


def examine(passwords: Iterable[tuple[str, Path | None]]) -> list[Finding]:
    """Advice for each password file that every user of the machine may read.

    Args:
        passwords: setting -> file; None where there is none.
    """
    notes = Notes(TARGET)
    for setting, file in passwords:
        if file is not None and _open_to_all(file):
            notes.advice(f"{setting}: every user may read {file}", f"chmod o-r {shlex.quote(str(file))}")
    return notes.findings


def written(paths: Iterable[tuple[str, Path | None]]) -> list[Finding]:
    """Whether this user can write each file; it is not tried, the files may be those of a running exporter.

    Args:
        paths: setting -> file; None where there is none.
    """
    notes = Notes(TARGET)
    for setting, path in paths:
        if path is None:
            continue
        why, remedy = _trouble(path)
        if why:
            notes.error(f"{setting}: {path} can't be written: {why}", *remedy)
        else:
            notes.ok(f"{setting}: {path} can be written")
    return notes.findings


def queries(loaded: Loaded | None) -> list[Finding]:
    """Each thing in the files with users' queries that could not be read; None where there are no files."""
    notes = Notes(TARGET)
    for finding in loaded.findings if loaded is not None else ():
        notes.error(str(finding))
    if loaded is not None and not loaded.findings:
        notes.ok(f"postgres.queries_files: {len(loaded.collectors)} queries can be read")
    return notes.findings


def _open_to_all(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:  # it was read when the settings were, and is gone since
        return False


Trouble = tuple[str, list[str]]
"""Why a file can't be written, and what mends that; both empty if it can be."""


def _trouble(path: Path) -> Trouble:
    """What keeps this user from writing a file, or from making it."""
    folder = path.parent
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
        there = path.lstat() if is_folder else None
    except FileNotFoundError:
        return _in_folder(folder)
    except OSError as error:
        return error.strerror or str(error), []
    if there is None:
        return f"{folder} is no folder", []
    if not stat.S_ISREG(there.st_mode):
        return "it is no regular file", [f"mv {shlex.quote(str(path))} {shlex.quote(f'{path}.old')}"]
    if not os.access(path, os.W_OK):
        return "the user who runs this may not write it", [f"chown USER {shlex.quote(str(path))}"]
    return _in_folder(folder)  # where a new file takes the place of a full one


def _in_folder(folder: Path) -> Trouble:
    owner = f"chown USER {shlex.quote(str(folder))}  # the exporter's user"
    if not folder.exists():
        return "its folder is missing", [f"mkdir -p {shlex.quote(str(folder))}", owner]
    if not os.access(folder, os.W_OK | os.X_OK):
        return "the user who runs this may not write in its folder", [owner]
    return "", []
