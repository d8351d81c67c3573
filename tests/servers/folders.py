"""Temporary folders that another user's server can enter: pytest's `tmp_path` is closed to others."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path


@cache
def base() -> Path:
    """The folder of this test process; it is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="datastack-tests-"))
    folder.chmod(0o711)
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, owner: int) -> None:
    # A forked child inherits the handler, but not the folder.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def new(prefix: str) -> Path:
    """A new folder in that of this test process."""
    return Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=base()))
