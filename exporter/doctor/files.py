"""The files that the settings name: who else can read the passwords, what is wrong with the queries."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from stat import S_IROTH

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
        return bool(file.stat().st_mode & S_IROTH)
    except OSError:  # it was read when the settings were, and is gone since
        return False
