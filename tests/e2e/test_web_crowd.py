"""Ten thousand connections at a time, and one client that only wants the page."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import pytest

from tests.servers import Exporter

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("web_crowd")]

CROWD = """
import resource, select, socket, sys
port, many = int(sys.argv[1]), int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
sent = [b"", b"GET /met", b"GET / HTTP/1.1\\r\\nX-Half: "]
clients = []
for n in range(many):
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    try:
        client.sendall(sent[n % 3])
    except ConnectionError:
        pass
    clients.append(client)
print(len(clients), flush=True)
sys.stdin.read()
"""
PROCESSES, EACH = 4, 2_500


@contextmanager
def crowd(exporter: Exporter) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that open connections and say nothing whole on them; they say when all are open."""
    line = [sys.executable, "-c", CROWD, str(exporter.port), str(EACH)]
    processes = [
        subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(PROCESSES)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.slow
def test_ten_thousand_connections() -> None:
    with Exporter() as exporter:
        exporter.scrape()
        before, files = exporter.rss_bytes(), exporter.open_fds()
        slowest = 0.0
        with crowd(exporter) as processes:
            while any(process.poll() is None for process in processes):
                started = monotonic()
                assert exporter.get(timeout=10).status == 200
                slowest = max(slowest, monotonic() - started)
                assert exporter.open_fds() < files + 512 + 64
                if _all_open(processes):
                    break
            assert all(process.poll() is None for process in processes)
            for _ in range(5):
                started = monotonic()
                assert exporter.get("/-/healthy", timeout=10).status == 200
                assert monotonic() - started < 1
            assert exporter.rss_bytes() < before + 24 * 2**20
        assert slowest < 5
        samples = exporter.samples()
        (full,) = (
            v for k, v in samples["exporter_web_connections_closed_total"].items() if ("reason", "full") in k
        )
        assert full > PROCESSES * EACH - 600
        end = monotonic() + 10
        while exporter.open_fds() > files + 5:
            assert monotonic() < end
            sleep(0.05)
        assert "Traceback" not in exporter.log
        assert exporter.log.count("can't accept") <= 1


def _all_open(processes: list[subprocess.Popen[bytes]]) -> bool:
    """Whether each has said that it has all its connections."""
    ready, _, _ = select.select([out for process in processes if (out := process.stdout)], [], [], 0)
    return len(ready) == len(processes)
