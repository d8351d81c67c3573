from __future__ import annotations

import threading
from pathlib import Path

import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Skip, Unavailable
from exporter.sources.redis import file_size
from exporter.sources.redis.file_size import FileSize


async def test_a_file_none_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(b"abc")
    size = FileSize()
    assert await size.of(tmp_path / "dump", Deadline.after(5)) == 3
    assert await size.of(tmp_path / "other", Deadline.after(5)) == 0
    with pytest.raises(Skip):
        await size.of(tmp_path / "no" / "dump", Deadline.after(5))
    with pytest.raises(Skip):
        await size.of(tmp_path, Deadline.after(5))


async def test_a_file_system_that_hangs_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    released = threading.Event()
    monkeypatch.setattr(file_size, "_size", lambda _path: int(released.wait(5)))
    size = FileSize()
    with pytest.raises(DeadlineExceeded):
        await size.of(tmp_path, Deadline.after(0.02))
    with pytest.raises(Unavailable):
        await size.of(tmp_path, Deadline.after(5))
    released.set()
    with pytest.raises(Unavailable):  # its answer is not there yet
        await size.of(tmp_path, Deadline.after(5))
