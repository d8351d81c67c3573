"""What the benchmarks share: what a page takes, what a process costs, medians of alternating rounds."""

from __future__ import annotations

import http.client
import multiprocessing
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from types import TracebackType
from typing import Self, TypeVar

import psutil

from exporter.demo.process import LOOPBACK

T = TypeVar("T")
MB = 1_000_000
READ_BYTES = 1 << 20


def alternately(rounds: int, **of: Callable[[], float]) -> dict[str, float]:
    """Runs each once a round, one after the other: the median of what each returns.

    What else the machine does meanwhile meets all of them alike.
    """
    found: dict[str, list[float]] = {name: [] for name in of}
    for _ in range(rounds):
        for name, run in of.items():
            found[name].append(run())
    return {name: median(values) for name, values in found.items()}


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = perf_counter()
    work()
    return perf_counter() - started


def page_seconds(port: int, path: str = "/metrics", *, gzip: bool = False) -> float:
    """From the request to the last byte of the page, on a connection of its own.

    Reads from the bare socket: taking a chunked body of 30 MB apart would cost as much as some pages.
    """
    encoding = "gzip" if gzip else "identity"
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
    )
    started = perf_counter()
    with socket.create_connection((LOOPBACK, port), timeout=120) as connection:
        connection.sendall(request.encode())
        first = connection.recv(READ_BYTES)
        while connection.recv(READ_BYTES):
            pass
    took = perf_counter() - started
    assert b" 200 " in first[:16], first[:200]
    return took


class Scraper:
    """A kept connection to a page, as Prometheus holds it."""

    def __init__(self, port: int, path: str = "/metrics", *, gzip: bool = True) -> None:
        self._path = path
        self._headers = {"Accept-Encoding": "gzip" if gzip else "identity"}
        self._connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)

    def page(self) -> bytes:
        """The body as it comes; on a new connection where the exporter has closed the kept one."""
        try:
            return self._page()
        except http.client.RemoteDisconnected:
            self._connection.close()
            return self._page()

    def _page(self) -> bytes:
        self._connection.request("GET", self._path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body[:500]
        return body

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


def samples_on(page: str) -> int:
    """How many samples a page has."""
    return sum(1 for line in page.split("\n") if line and not line.startswith("#"))


def cpu_seconds(*pids: int) -> float:
    """CPU time so far of processes and all below them, user and system.

    Source: the first field of /proc/PID/task/TID/schedstat, nanoseconds; where the kernel lacks it,
    /proc/PID/stat, which counts in hundredths of a second.
    """
    return sum(_cpu_seconds(process) for pid in pids for process in family(pid))


def _cpu_seconds(process: psutil.Process) -> float:
    threads = list(Path(f"/proc/{process.pid}/task").glob("*/schedstat"))
    if not threads:
        times = process.cpu_times()
        return float(times.user + times.system)
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def rss_bytes(pid: int) -> int:
    """Resident memory of one process. Source: Rss in /proc/PID/smaps_rollup."""
    return kilobytes(Path(f"/proc/{pid}/smaps_rollup"))["Rss"] * 1024


def pss_bytes(pid: int) -> int:
    """The same with each shared page divided by the number of its users."""
    return kilobytes(Path(f"/proc/{pid}/smaps_rollup"))["Pss"] * 1024


def peak_bytes(pid: int) -> int:
    """The most resident memory that the process ever had. Source: VmHWM in /proc/PID/status."""
    return kilobytes(Path(f"/proc/{pid}/status"))["VmHWM"] * 1024


def kilobytes(path: Path) -> Mapping[str, int]:
    """The lines `name: number kB` of a file in /proc."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if words[-1:] == ["kB"]}


def in_a_process(work: Callable[[str], T], argument: str) -> T:
    """What `work` returns in a new process: its memory has nothing of ours."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, argument).result()


def own_peak_of(work: Callable[[], object]) -> int:
    """How many bytes of memory this process needs more while it works."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = rss_bytes(multiprocessing.current_process().pid or 0)
    work()
    return kilobytes(Path("/proc/self/status"))["VmHWM"] * 1024 - before
