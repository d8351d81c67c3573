from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.slow_log.rotating import RotatingFile

LINE = b"%03d" + b"." * 46 + b"\n"
"""50 bytes."""


def line(number: int) -> bytes:
    return LINE % number


def numbers(path: Path) -> list[int]:
    return [int(text[:3]) for text in path.read_bytes().splitlines()]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[RotatingFile]:
    file = RotatingFile(tmp_path / "slow.log", size=1000, older=5)
    yield file
    file.close()


def test_files_are_full_and_the_oldest_goes(file: RotatingFile, tmp_path: Path) -> None:
    for number in range(150):
        file.write(line(number))

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "slow.log", "slow.log.1", "slow.log.2", "slow.log.3", "slow.log.4", "slow.log.5",
    ]  # fmt: skip
    assert {path.stat().st_size for path in tmp_path.glob("slow.log.?")} == {1000}
    kept = [n for older in (".5", ".4", ".3", ".2", ".1", "") for n in numbers(tmp_path / f"slow.log{older}")]
    assert kept == list(range(40, 150)), "150 lines of 50 bytes fill 7.5 files; six are kept, none twice"


def test_only_the_owner_writes_and_only_his_group_reads(file: RotatingFile, tmp_path: Path) -> None:
    for number in range(30):
        file.write(line(number))

    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} <= {0o640, 0o600}


def test_a_line_longer_than_a_file_has_one_of_its_own(file: RotatingFile, tmp_path: Path) -> None:
    file.write(b"x" * 3000 + b"\n")
    file.write(line(1))

    assert (tmp_path / "slow.log.1").stat().st_size == 3001
    assert numbers(tmp_path / "slow.log") == [1]


def test_it_goes_on_where_it_was_also_behind_half_a_line(tmp_path: Path) -> None:
    (tmp_path / "slow.log").write_bytes(line(1) + b"half a li")
    file = RotatingFile(tmp_path / "slow.log")
    file.write(line(2))
    file.close()

    assert (tmp_path / "slow.log").read_bytes() == line(1) + b"half a li\n" + line(2)


@pytest.mark.parametrize("how", ["renamed", "replaced", "removed"])
def test_a_file_that_somebody_takes_away_is_made_anew(file: RotatingFile, tmp_path: Path, how: str) -> None:
    file.write(line(1))
    if how == "removed":
        (tmp_path / "slow.log").unlink()
    else:
        (tmp_path / "slow.log").rename(tmp_path / "kept")
    if how == "replaced":
        (tmp_path / "slow.log").touch()
    file.write(line(2))

    assert numbers(tmp_path / "slow.log") == [2]
    assert how == "removed" or numbers(tmp_path / "kept") == [1]


def test_without_its_folder_it_fails_until_that_is_back(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "logs" / "slow.log")
    with pytest.raises(FileNotFoundError):
        file.write(line(1))
    (tmp_path / "logs").mkdir()
    file.write(line(2))
    file.close()

    assert numbers(tmp_path / "logs" / "slow.log") == [2]


def test_two_do_not_write_the_same_file(file: RotatingFile, tmp_path: Path) -> None:
    file.write(line(1))
    other = RotatingFile(tmp_path / "slow.log")
    with pytest.raises(OSError, match="Another process"):
        other.write(line(2))
    file.close()
    other.write(line(3))
    other.close()

    assert numbers(tmp_path / "slow.log") == [1, 3]


@pytest.mark.parametrize("what", ["link", "folder", "pipe"])
def test_what_is_no_file_is_left_alone(tmp_path: Path, what: str) -> None:
    path = tmp_path / "slow.log"
    if what == "link":
        (tmp_path / "elsewhere").write_bytes(b"theirs")
        path.symlink_to(tmp_path / "elsewhere")
    elif what == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(OSError, match=r"link|directory|regular"):
        RotatingFile(path).write(line(1))

    assert what != "link" or (tmp_path / "elsewhere").read_bytes() == b"theirs"


@pytest.fixture
def no_more_than() -> Iterator[None]:
    """Files of this process end at 1,020 bytes: as on a full disk, what fits is written first."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1020, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("no_more_than")
def test_where_there_is_no_room_no_half_line_stays(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "slow.log", size=100_000)
    for number in range(20):
        file.write(line(number))
    for _ in range(3):
        with pytest.raises(OSError, match="File too large"):
            file.write(line(99))
    (tmp_path / "slow.log").unlink()
    file.write(line(20))
    file.close()

    assert (tmp_path / "slow.log").read_bytes() == line(20)


@pytest.mark.usefixtures("no_more_than")
def test_the_whole_lines_before_it_are_still_there(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "slow.log", size=100_000)
    for number in range(21):
        if number == 20:
            with pytest.raises(OSError, match="File too large"):
                file.write(line(number))
        else:
            file.write(line(number))
    file.close()

    assert numbers(tmp_path / "slow.log") == list(range(20))
    assert (tmp_path / "slow.log").stat().st_size == 1000
