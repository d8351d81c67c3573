"""Settings from a folder with one file for each, as Docker and Kubernetes mount secrets.

The file `postgres__password` holds `postgres.password`, with or without a trailing line feed. Hidden files
and subfolders are left alone: Kubernetes keeps its own there.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from exporter.settings.environment import PREFIX
from exporter.settings.given import Given, Reading, UnreadableError, did_you_mean, read_text
from exporter.settings.model import Key


def read(folder: Given, keys: Collection[Key]) -> Reading:
    """All files of the folder that `config.secrets_dir` names."""
    reading = Reading()
    try:
        files = sorted(Path(str(folder.value)).iterdir())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        reading.findings.append(
            f"config.secrets_dir ({folder.where}): folder {folder.value}: {reason}:"
            " mount it and let this user read it, or leave the setting out"
        )
        return reading
    for file in files:
        if not file.name.startswith(".") and not file.is_dir():
            _read_file(file, keys, reading)
    return reading


def _read_file(file: Path, keys: Collection[Key], reading: Reading) -> None:
    where = f"secret file {file}"
    section, _, key = file.name.lower().removeprefix(PREFIX.lower()).partition("__")
    if (section, key) not in keys:
        hint = did_you_mean(file.name, (f"{section}__{key}" for section, key in keys))
        reading.findings.append(f"{where}: its name is no setting{hint}")
        return
    try:
        reading.given[section, key] = Given(read_text(str(file)), where)
    except UnreadableError as error:
        reading.findings.append(f"{section}.{key}: {where}: {error}")
