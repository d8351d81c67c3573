from __future__ import annotations

from pathlib import Path

import pytest

from exporter.model.errors import Skip
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

SIZE = "redis_rdb_current_size_bytes"


def server(folder: str, name: str) -> FakeRedis:
    return FakeRedis(
        "", {("CONFIG", "GET", "dir"): ["dir", folder], ("CONFIG", "GET", "dbfilename"): ["dbfilename", name]}
    )


async def test_the_size_of_the_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "dump.rdb").write_bytes(b"x" * 77)
    assert await run("redis_rdb_file", server(str(tmp_path), "dump.rdb")) == {SIZE: {(): 77}}


async def test_no_dump_yet_is_zero_as_upstream_has_it(run: Run, tmp_path: Path) -> None:
    assert await run("redis_rdb_file", server(str(tmp_path), "dump.rdb")) == {SIZE: {(): 0}}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/no such folder", "dump.rdb"),
        ("/etc", "../etc/passwd"),
        ("/", "etc"),
        ("relative", "dump.rdb"),
        ("/tmp", ""),
        ("/tmp", ".."),
        ("/tmp", "a\0b"),
        ("/dev", "null"),
    ],
)
async def test_what_is_not_here_or_no_bare_name_is_skipped(run: Run, folder: str, name: str) -> None:
    with pytest.raises(Skip):
        await run("redis_rdb_file", server(folder, name))


async def test_without_config_it_is_skipped(run: Run) -> None:
    with pytest.raises(Skip):
        await run("redis_rdb_file", FakeRedis())
