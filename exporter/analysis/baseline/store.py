"""The files of baselines: `baselines/<target>/<name>.json` in the folder for analyses, the last ten of each.

Only the user of the process can read them (0600): texts of statements are redacted, and still say what an
application does.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from exporter.analysis.baseline.document import NotABaseline, baseline_document, baseline_of
from exporter.analysis.baseline.snapshot import Baseline
from exporter.model.errors import ExporterError

KEPT = 10
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MAIN = "main"
"""What the server of the top level is called; a target of that name has another folder."""


class StoreError(ExporterError):
    """A baseline can't be kept, found or read."""


def folder_of(directory: str | None, environ: Mapping[str, str]) -> Path:
    """Where baselines are kept.

    Args:
        directory: the setting analysis.directory.
        environ: for XDG_STATE_HOME, as in the XDG Base Directory Specification; else HOME.

    Raises:
        StoreError: there is neither of them.
    """
    if directory:
        return Path(directory)
    state, home = environ.get("XDG_STATE_HOME", ""), environ.get("HOME", "")
    if state.startswith("/"):
        return Path(state) / "datastack-exporter"
    if not home:
        raise StoreError("there is no HOME to keep baselines in: set analysis.directory")
    return Path(home) / ".local" / "state" / "datastack-exporter"


class Store:
    """The baselines of one target.

    Args:
        folder: the folder for analyses; it need not exist.
        target: the target's name; None for the server of the top level.
    """

    def __init__(self, folder: Path, target: str | None = None) -> None:
        # What a file can't be called is written as its number; no name gives another one's folder.
        own = MAIN if target is None else "target-" + re.sub(r"[^\w-]", lambda m: f"%{ord(m[0]):x}", target)
        self.folder = folder / "baselines" / own

    def save(self, baseline: Baseline) -> Path:
        """Keeps a baseline, and removes the oldest beyond ten.

        Raises:
            StoreError: its name is taken or no name for a file, or the folder can't be written to.
        """
        self.check(baseline.name)
        path = self._path(baseline.name)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, json.dumps(baseline_document(baseline), ensure_ascii=False, separators=(",", ":")))
            for old in self.all()[KEPT:]:
                self._path(old.name).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self.folder}: {error.strerror}") from None
        return path

    def check(self, name: str) -> None:
        """Whether a new baseline may have this name: to be asked before it takes a minute.

        Raises:
            StoreError: it is taken, or no name for a file.
        """
        if self._path(name).exists():
            raise StoreError(f"there is a baseline {name} already: choose another --name")

    def load(self, name: str) -> Baseline:
        """The baseline of that name.

        Raises:
            StoreError: there is none, or its file is none.
        """
        path = self._path(name)
        try:
            return baseline_of(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            known = ", ".join(one.name for one in self.all()) or "none"
            raise StoreError(f"there is no baseline {name}; there are: {known}") from None
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None
        except (NotABaseline, ValueError) as error:
            raise StoreError(f"{path}: {error}") from None

    def all(self) -> list[Baseline]:
        """All that can be read, the newest first."""
        found = []
        for path in self.folder.glob("*.json"):
            try:
                baseline = baseline_of(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, NotABaseline, ValueError):
                continue
            if baseline.name == path.stem:
                found.append(baseline)
        return sorted(found, key=lambda one: (-one.taken_at, one.name))

    def newest_two(self) -> tuple[Baseline, Baseline]:
        """The newest and the one before it, the older one first.

        Raises:
            StoreError: there are fewer than two.
        """
        found = self.all()
        if len(found) < 2:
            raise StoreError(f"it takes two baselines, there is {len(found)}: name one to compare with now")
        return found[1], found[0]

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise StoreError(f"no name for a baseline: letters, digits, {'. _ -'}; 64 at most")
        return self.folder / f"{name}.json"


def _write(path: Path, text: str) -> None:
    """All of it or nothing: whoever reads never sees half a file."""
    # A temporary file is 0600, and stays so under its new name.
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
