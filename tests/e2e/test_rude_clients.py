"""Clients that ask too much, too slowly or nonsense: they get an answer, or none, and the others theirs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic, sleep

import pytest

from tests.e2e.judge import Samples, failed, timed_scrape, value
from tests.servers import Exporter

pytestmark = pytest.mark.live

HEADER = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(autouse=True)
def others_are_served(stack: Exporter) -> Iterator[None]:
    """Whatever a client does, the page is whole again, and the descriptors are given back."""
    before = stack.open_fds()
    yield
    _becomes_whole(stack, 0.3)  # what was given up ends by then
    end = monotonic() + 5
    while stack.open_fds() > before + 5 and monotonic() < end:
        sleep(0.05)
    assert stack.open_fds() <= before + 5


def _becomes_whole(stack: Exporter, seconds: float) -> None:
    """The page is whole at the latest after so many seconds."""
    end = monotonic() + seconds
    while failed(samples := timed_scrape(stack)) and monotonic() < end:
        sleep(0.02)
    whole(samples)


def whole(samples: Samples) -> None:
    """The page shows everything."""
    assert value(samples, "pg_up") == value(samples, "redis_up") == value(samples, "pgbouncer_up") == 1
    assert failed(samples) == set()


@contextmanager
def connected(stack: Exporter, sent: bytes = b"") -> Iterator[socket.socket]:
    """A connection on which something was sent."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as client:
        client.sendall(sent)
        yield client


def status_of(client: socket.socket) -> int:
    """The status of the answer on a connection."""
    line = client.makefile("rb").readline()
    assert line.startswith(b"HTTP/1.1 "), line
    return int(line.split()[1])


def test_half_a_request_holds_nobody_up(stack: Exporter) -> None:
    with ExitStack() as clients:
        for part in (b"", b"GET /met", HEADER, HEADER + b"X-Half: "):
            clients.enter_context(connected(stack, part))
        for _ in range(5):
            assert value(timed_scrape(stack), "pg_up") == 1


def test_a_request_that_comes_letter_by_letter(stack: Exporter) -> None:
    with connected(stack) as client:
        for letter in HEADER + b"\r\n":
            client.sendall(bytes([letter]))
            sleep(0.002)
        assert status_of(client) == 200


def test_a_client_that_does_not_read(stack: Exporter) -> None:
    with ExitStack() as clients:
        for _ in range(20):
            client = clients.enter_context(connected(stack))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.sendall((HEADER + b"\r\n") * 3)
        assert value(timed_scrape(stack), "pg_up") == 1


def test_clients_that_hang_up_at_once(stack: Exporter) -> None:
    for _ in range(50):
        with connected(stack, HEADER + b"\r\n"):
            pass


def test_a_client_that_hangs_up_costs_the_next_one_nothing(stack: Exporter) -> None:
    for n in range(40):
        with connected(stack, HEADER + b"\r\n"):
            sleep(0.0005 * n)
        whole(timed_scrape(stack))


def test_two_requests_on_one_connection(stack: Exporter) -> None:
    with connected(stack, HEADER + b"\r\n") as client:
        assert status_of(client) == 200
    with connected(stack, (b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n") * 2) as client:
        sleep(0.2)
        assert client.recv(65536).count(b"200 OK") == 2


def test_hundreds_of_query_parameters(stack: Exporter) -> None:
    names = ["postgres", "redis", "cpu", "loadavg"] * 125
    samples = stack.samples({"collect[]": names, "exclude[]": ["cpu"] * 100, "other": ["x"] * 300})

    assert {"pg_up", "redis_up", "node_load1"} <= samples.keys()
    assert "node_cpu_seconds_total" not in samples


def test_hundreds_of_different_selections(stack: Exporter) -> None:
    names = sorted({dict(labels)["collector"] for labels in stack.samples()["exporter_collector_success"]})
    before = stack.rss_bytes()
    for n in range(200):
        chosen = [name for bit, name in enumerate(names[:9]) if n >> bit & 1] or ["cpu"]
        assert stack.get(params={"collect[]": chosen}).status == 200

    assert stack.rss_bytes() < before + 8 * 2**20


@pytest.mark.parametrize("size", [10_000, 60_000])
def test_long_headers(stack: Exporter, size: int) -> None:
    with connected(stack, HEADER + b"X-Long: " + b"x" * size + b"\r\n\r\n") as client:
        assert status_of(client) in (200, 400, 431)


def test_a_header_without_end(stack: Exporter) -> None:
    before = stack.rss_bytes()
    with connected(stack, HEADER + b"X-Long: ") as client, suppress(ConnectionError):
        for _ in range(640):
            client.sendall(b"x" * 2**16)

    assert stack.rss_bytes() < before + 8 * 2**20


def test_a_long_query(stack: Exporter) -> None:
    with connected(
        stack, b"GET /metrics?x=" + b"y" * 60_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ) as client:
        assert status_of(client) in (200, 400, 414, 431)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"nonsense\r\n\r\n",
        b"GET /metrics\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET \x00\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /-/healthy HTTP/1.1\r\nTransfer-Encoding: nonsense\r\n\r\n",
        b"GET /metrics?collect[]=%ff%00%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Prometheus-Scrape-Timeout-Seconds: \xff\xfe\r\n\r\n",
    ],
)
def test_what_is_not_http_is_not_logged_line_by_line(stack: Exporter, sent: bytes) -> None:
    before = len(stack.log)
    for _ in range(5):
        with connected(stack, sent) as client:
            client.shutdown(socket.SHUT_WR)
            client.recv(4096)

    lines = [line for line in stack.log[before:].splitlines() if "collector=" not in line]
    assert len(lines) <= 1
    assert "Traceback" not in stack.log
