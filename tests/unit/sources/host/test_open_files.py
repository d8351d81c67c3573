"""Files of the kernel stay open, all others are looked up each time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exporter.model.errors import Skip
from exporter.sources.host import Host, HostOptions, open_files
from exporter.sources.host.open_files import MAX_FILES, OpenFiles


@pytest.fixture
def opened():
    files = OpenFiles()
    yield files
    files.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names


def test_file_of_the_kernel_is_read_again_without_its_path(opened):
    path = "/proc/sys/kernel/random/uuid"
    assert opened.read(path) is None
    opened.keep(path, len(Path(path).read_bytes()))
    first, second = opened.read(path), opened.read(path)
    assert first != second, "each reading gives another one"
    assert len(first) == len(second) == 37


def test_regular_file_may_be_replaced_and_is_not_kept(opened, tmp_path):
    file = tmp_path / "x"
    file.write_text("text")
    opened.keep(str(file), 4)
    assert opened.read(str(file)) is None


def test_long_file_is_read_to_its_end(opened):
    path = "/proc/self/smaps"
    opened.keep(path, 1)
    content = opened.read(path)
    assert content is not None
    assert len(content) > open_files.CHUNK_BYTES
    assert b"vsyscall" in content


def test_number_of_files_is_bounded_and_all_are_closed(tmp_path):
    before = descriptors()
    files = OpenFiles()
    for number in range(MAX_FILES + 10):
        (tmp_path / str(number)).symlink_to("/proc/loadavg")
        files.keep(str(tmp_path / str(number)), 1)
    assert descriptors() == before + MAX_FILES
    files.close()
    assert descriptors() == before


def test_file_is_opened_anew_after_a_while(opened, monkeypatch):
    monkeypatch.setattr(open_files, "KEPT_SECONDS", 0.0)
    opened.keep("/proc/loadavg", 1)
    before = descriptors()
    assert opened.read("/proc/loadavg") is None
    assert descriptors() == before - 1


def test_host_closes_what_it_opened():
    before = descriptors()
    host = Host(HostOptions())
    texts = {host.reread("loadavg").count(" ") for _ in range(3)} | {
        host.net("dev").count("|") for _ in range(2)
    }
    assert texts
    assert descriptors() == before + 2
    host._open.close()
    assert descriptors() == before


def test_file_that_stops_to_be_readable_is_an_error_of_now():
    """A process that is gone: its files are open, and say nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        os._exit(0)
    host = Host(HostOptions())
    try:
        assert host.reread(f"{child}/comm")
        assert host.reread(f"{child}/comm")
    finally:
        os.write(writer, b"x")
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)
    with pytest.raises(Skip):
        host.reread(f"{child}/comm")
    host._open.close()
