"""Metrics that users write into files, from `host.textfile_directory`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Refused
from exporter.model.metric import gauge
from exporter.model.table import Column, Table, single
from exporter.sources.host import Aside, Host

if TYPE_CHECKING:
    from exporter.collectors.host._textfile_names import InUse

ERROR = gauge("node_textfile_scrape_error", "1 if a file or the folder could not be read, else 0.")
MTIME = gauge(
    "node_textfile_mtime_seconds", "Unix time of the last change of a file that was read.", ("file",)
)

SUFFIX = ".prom"
LARGEST = 16 * 1024 * 1024
"""Bytes of a file that is read: a longer one is no file of metrics."""

Stamps = Mapping[Path, tuple[int, int, int]]
"""File -> when it was changed (nanoseconds), its size and its number: a new file has others."""


class Result(NamedTuple):
    """What came of the files: tables, and a sentence for each that could not be shown."""

    tables: list[Table]
    errors: list[str]


class Files:
    """The files of a folder, parsed again when one of them changes.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: tuple[Stamps, Result] | None = None

    def result(self) -> Result:
        """All files, by name; a file that can't be shown costs itself alone."""
        try:
            stamps = dict(sorted(self._stamps().items()))
        except OSError as error:
            return Result([], [f"{self._folder}: {error.strerror}"])
        if self._read is None or self._read[0] != stamps:
            self._read = (stamps, _result(stamps))
        return self._read[1]

    def _stamps(self) -> dict[Path, tuple[int, int, int]]:
        stamps = {}
        for path in self._folder.iterdir():
            if path.name.endswith(SUFFIX):
                try:
                    stat = path.stat()
                except OSError:  # it will be said when it is read
                    stamps[path] = (0, 0, 0)
                else:
                    stamps[path] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return stamps


def _result(stamps: Stamps) -> Result:
    # The parser and the list of names in use cost memory that nobody needs without files.
    from exporter.collectors.host._textfile_names import InUse  # noqa: PLC0415

    names = InUse()
    result = Result([], [])
    shown: list[tuple[str, int]] = []
    for path, (changed, size, _) in stamps.items():
        tables, error = _tables(path, size, names)
        if error:
            result.errors.append(f"{path}: {error}")
        else:
            result.tables.extend(tables)
            shown.append((str(path), changed // 1_000_000_000))
    rows = [(path,) for path, _ in shown]
    result.tables.append(Table(MTIME.labels, rows, [Column(MTIME, [seconds for _, seconds in shown])]))
    return result


def _tables(path: Path, size: int, names: InUse) -> tuple[list[Table], str]:
    from exporter.collectors.host import _textfile  # noqa: PLC0415

    if size > LARGEST:
        return [], f"is longer than {LARGEST} bytes"
    try:
        tables = _textfile.parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        return [], str(error.strerror)
    except ValueError as error:  # broken, or no text
        return [], str(error)
    refused = names.claim(_textfile.families(tables))
    return ([], refused) if refused else (tables, "")


def build(host: Host) -> Collect:
    """Reads in a thread: the folder may be on a file system that hangs."""
    folder = host.options.textfile_directory
    files = Files(Path(folder)) if folder else None
    aside = Aside(f"{folder}")

    async def collect(deadline: Deadline) -> Sequence[Table]:
        if files is None:
            return [single({ERROR: 0})]
        result = await aside.run(files.result, deadline)
        tables = [*result.tables, single({ERROR: int(bool(result.errors))})]
        if result.errors:
            raise Partial(tables, Refused("; ".join(result.errors)))
        return tables

    return collect


COLLECTOR = CollectorSpec(
    help="Metrics that users write into files, from the folder in host.textfile_directory.",
    source="host",
    metrics=(ERROR, MTIME),
    build=build,
    docs="https://github.com/prometheus/node_exporter#textfile-collector",
    explain=lambda _: "reads *.prom in host.textfile_directory",
)
