"""Size of the dump file, where the server's disk is the exporter's as well."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from exporter.collectors.redis._replies import granted, paired
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import gauge
from exporter.model.table import Table, single
from exporter.sources.redis import Command, RedisSource
from exporter.sources.redis.file_size import FileSize

SIZE = gauge("redis_rdb_current_size_bytes", "Size of the dump file; 0 if there is none yet.")

COMMANDS: Sequence[Command] = [("CONFIG", "GET", "dir"), ("CONFIG", "GET", "dbfilename")]
PERIOD_SECONDS = 30.0


class _Run:
    """Asks the server where its dump is, and looks there."""

    def __init__(self, redis: RedisSource) -> None:
        self._redis = redis
        self._file_size = FileSize()

    async def __call__(self, deadline: Deadline) -> Sequence[Table]:
        settings: dict[str, object] = {}
        for reply in await self._redis.fetch(COMMANDS, deadline):
            settings |= paired(granted(reply))
        path = _path(settings.get("dir"), settings.get("dbfilename"))
        if path is None:
            raise Skip(Reason.UNSUPPORTED, "the server does not say where its dump file is")
        return [single({SIZE: await self._file_size.of(path, deadline)})]


def _path(folder: object, name: object) -> Path | None:
    """The dump's path; None unless it is a bare name in an absolute folder."""
    if not isinstance(folder, str) or not isinstance(name, str) or "\0" in folder + name:
        return None
    if not PurePosixPath(folder).is_absolute() or PurePosixPath(name).name != name:
        return None
    return Path(folder) / name


COLLECTOR = CollectorSpec(
    help="Size of the dump file, for a server on this machine.",
    source="redis",
    metrics=(SIZE,),
    build=_Run,
    default=False,
    every_seconds=PERIOD_SECONDS,
    docs="https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/",
    explain=lambda _major: "\n".join(map(" ".join, COMMANDS)),
)
