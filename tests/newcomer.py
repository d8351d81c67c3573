"""The way of a newcomer, timed: clone, `make run`, the first page. `python -m tests.newcomer`.

Packages come from the ordinary index, without pip's cache unless --cache is given. PostgreSQL and Redis are
the machine's where it has them, else they come as packages too.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from exporter.demo.process import free_port
from tests.servers.catalogue import ROOT
from tests.servers.page import request, samples_of

LIMIT_SECONDS = 600.0
OURS = ("EXPORTER_", "PG", "REDIS_", "DATA_SOURCE_", "PGBOUNCER_", "VIRTUAL_ENV", "PYTHON")
"""How variables begin that a newcomer does not have yet."""


def main(arguments: Sequence[str]) -> int:
    """Prints seconds for each step; 1 where it left something behind.

    Raises:
        TimeoutError: a step took too long.
    """
    options = _parser().parse_args(arguments)
    start = monotonic()
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        Path(folder).chmod(0o711)  # the demo's servers run as another user, below it
        project, scratch = Path(folder) / "datastack-exporter", Path(folder) / "tmp"
        scratch.mkdir()
        scratch.chmod(0o1777)
        subprocess.run(["git", "clone", "--quiet", options.source, project], check=True)
        lap(start, "cloned")
        with _make_run(project, scratch, cache=options.cache) as port:
            wait((project / ".venv" / ".runs").exists, start, "installed")
            wait(lambda: answers(port, "/-/healthy"), start, "serving")
            wait(lambda: complete(port), start, "first page with pg_up 1 and redis_up 1")
        remains = left(folder, scratch)
        lap(start, f"stopped; left behind: {', '.join(remains) or 'nothing'}")
    return 1 if remains else 0


def lap(start: float, what: str) -> None:
    """One line: seconds since `start`, and what is done."""
    print(f"{monotonic() - start:6.1f} s  {what}", flush=True)


def wait(done: Callable[[], bool], start: float, what: str) -> None:
    """Waits until `done`, and prints the line.

    Raises:
        TimeoutError: it is not done within ten minutes.
    """
    end = monotonic() + LIMIT_SECONDS
    while not done():
        if monotonic() > end:
            raise TimeoutError(f"not within {LIMIT_SECONDS:.0f} s: {what}")
        sleep(0.05)
    lap(start, what)


def answers(port: int, path: str) -> bool:
    """Whether the daemon answers this path with 200."""
    try:
        return request(port, path).status == 200
    except OSError:
        return False


def complete(port: int) -> bool:
    """Whether the page shows both servers of the demo as up."""
    page = samples_of(request(port, "/metrics").text)
    return all([*page.get(name, {}).values()] == [1] for name in ("pg_up", "redis_up"))


def left(folder: str, scratch: Path) -> list[str]:
    """What `make run` left: files in its temporary folder, processes that name a path below `folder`."""
    found = [str(path) for path in scratch.iterdir()]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        found += [process.parent.name + " " + words[0].decode()] * any(folder.encode() in w for w in words)
    return found


@contextmanager
def _make_run(project: Path, scratch: Path, *, cache: bool) -> Iterator[int]:
    """`make run` in that folder, on a free port; ended with Ctrl-C, as a newcomer would."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environ["EXPORTER_WEB__LISTEN_ADDRESS"] = f"127.0.0.1:{port}"
    environ["TMPDIR"] = str(scratch)
    if not cache:
        environ["PIP_NO_CACHE_DIR"] = "1"
    process = subprocess.Popen(
        ["make", "run"], cwd=project, env=environ, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield port
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.newcomer", description="Times the way to the first page."
    )
    parser.add_argument("source", nargs="?", default=str(ROOT), help="what to clone; else this checkout")
    parser.add_argument("--cache", action="store_true", help="let pip use what it has downloaded before")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
