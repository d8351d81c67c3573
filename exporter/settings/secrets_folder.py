"""Settings from a folder with one file for each, as Docker and Kubernetes mount secrets.

The file `postgres__password` holds `postgres.password`, with or without a trailing line feed, and the file
`targets__orders__postgres__password` that of the target `orders`. Hidden files and subfolders are left alone:
Kubernetes keeps its own there.
"""

from __future__ import annotations

from pathlib import Path

from exporter.settings.environment import PREFIX
from exporter.settings.given import Given, Reading, UnreadableError, read_text
from exporter.settings.keys import Keys, from_underscores


def read(folder: Given, keys: Keys) -> Reading:
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


def _read_file(file: Path, keys: Keys, reading: Reading) -> None:
    where = f"secret file {file}"
    key = from_underscores(file.name.lower().removeprefix(PREFIX.lower()))
    if key not in keys:
        reading.findings.append(f"{where}: its name is no setting{keys.hint(key, '__'.join)}")
        return
    try:
        reading.given[key] = Given(read_text(str(file)), where)
    except UnreadableError as error:
        reading.findings.append(f"{'.'.join(key)}: {where}: {error}")
