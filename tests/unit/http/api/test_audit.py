"""The audit log: a line for each call, in a file of its owner's, whatever the disk does."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.http.api import audit as module
from exporter.http.api.audit import Audit, Entry
from exporter.model.errors import SettingsError

ENTRY = Entry("2026-01-01T00:00:00Z", "alice\n{}", "admin", "192.0.2.1", "POST", "/api/v1/x", "done", 200)


async def test_a_line_for_each_in_a_file_of_its_owners(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    audit = Audit(file)
    audit.check()
    assert all(await asyncio.gather(*(audit.write(ENTRY) for _ in range(50))))
    lines = file.read_text().splitlines()
    assert len(lines) == 50
    assert json.loads(lines[0])["subject"] == "alice\n{}"
    assert file.stat().st_mode & 0o777 == 0o600
    audit.close()


async def test_it_can_be_rotated(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    audit = Audit(file)
    await audit.write(ENTRY)
    file.rename(tmp_path / "audit.log.1")
    await audit.write(ENTRY)
    assert [(tmp_path / name).read_text().count("\n") for name in ("audit.log", "audit.log.1")] == [1, 1]
    audit.close()


async def test_what_can_not_be_written_is_told(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "none" / "audit.log")
    with pytest.raises(SettingsError, match=r"api\.audit_file"):
        audit.check()
    assert not await audit.write(ENTRY)
    (tmp_path / "none").mkdir()
    assert await audit.write(ENTRY)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="symbolic"):
        Audit(link).check()
    audit.close()


async def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "audit.log"
    os.mkfifo(file)
    reader = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setattr(module, "FLAGS", os.O_WRONLY)
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)
    audit = Audit(file)
    while await audit.write(ENTRY):  # until the pipe is full
        pass
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    assert not await audit.write(ENTRY)
    task.cancel()
    assert turns > 100
    while audit._waiting:
        with suppress(BlockingIOError):
            os.read(reader, 1 << 20)
        await asyncio.sleep(0.001)
    os.close(reader)
    audit.close()


async def test_without_a_file_it_is_in_the_log() -> None:
    with capture_logs() as lines:
        assert await Audit(None).write(ENTRY)
    (line,) = lines
    assert (line["event"], line["subject"], line["status"]) == ("audit", "alice\n{}", 200)
