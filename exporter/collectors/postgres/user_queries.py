"""Whether the files with users' queries could be read; the queries are collectors of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Refused
from exporter.model.metric import gauge
from exporter.model.table import Column, Table

if TYPE_CHECKING:  # reading YAML takes memory that a daemon without such files does not need
    from exporter.collectors.user_queries import Loaded

LABELS = ("filename", "hashsum")
LOAD_ERROR = gauge(
    "pg_exporter_user_queries_load_error",
    "1 if something in the file of queries could not be read, else 0; hashsum is the SHA-256 of the file.",
    LABELS,
)


def build(loaded: Loaded) -> Collect:
    """Shows what was found when the files were loaded."""
    rows = [(file.path, file.hashsum) for file in loaded.files]
    table = Table(LABELS, rows, [Column(LOAD_ERROR, [int(bool(file.findings)) for file in loaded.files])])

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        if loaded.findings:
            raise Partial([table], Refused("; ".join(map(str, loaded.findings))))
        return [table]

    return collect


COLLECTOR = CollectorSpec(
    help="Whether the files that postgres.queries_files names could be read.",
    source="user_queries",
    metrics=(LOAD_ERROR,),
    build=build,
    docs="the files that postgres.queries_files names",
)
