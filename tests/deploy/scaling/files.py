"""The files of deploy/scaling/ as a reader makes them his own: other addresses and shards, short times."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.servers import catalogue

FOLDER = catalogue.ROOT / "deploy" / "scaling"
SHARDED = ("shard.yml", "shard-files.yml", "sidecars.yml")
"""Those that say in their head how the files of the other shards are made."""
SHARDS = 3
SHORT = {
    "scrape_interval: 15s": "scrape_interval: 1s",
    "scrape_timeout: 10s": "scrape_timeout: 1s",
    "evaluation_interval: 15s": "evaluation_interval: 1s",
    "scrape_interval: 60s": "scrape_interval: 1s",
    "scrape_timeout: 50s": "scrape_timeout: 1s",
    "evaluation_interval: 60s": "evaluation_interval: 1s",
    "refresh_interval: 60s": "refresh_interval: 1s",
}


def shards_of(name: str, folder: Path) -> list[str]:
    """The texts of all shards, the others made by the command in the file's head."""
    shutil.copy(FOLDER / name, folder / name)
    (command,) = re.findall(r"^#   (for n in .*)$", (FOLDER / name).read_text(), re.MULTILINE)
    subprocess.run(["/bin/sh", "-ec", command], cwd=folder, check=True)
    return [(folder / file).read_text() for file in (name, "shard-1.yml", "shard-2.yml")]


def changed(text: str, changes: Mapping[str, str]) -> str:
    """With each of them made; those that would change nothing are a mistake."""
    for old, new in changes.items():
        assert old in text, f"{old} is not in the file"
        text = text.replace(old, new)
    return text


def short(text: str) -> str:
    """With a second in place of each longer time."""
    return changed(text, {old: new for old, new in SHORT.items() if old in text})
