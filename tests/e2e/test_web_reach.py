"""No request makes the daemon connect to, or look up, anything that its configuration does not name."""

from __future__ import annotations

import json
import os
import socket
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.api_caller import V1
from tests.servers import Exporter, Postgres, Redis
from tests.servers.catalogue import ROOT
from tests.unit.http.api.asking import SECRET, bearing, token

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("web_reach")]

WATCH = """
import os, sys
file = os.open(os.environ["REACHED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def watch(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        os.write(file, f"{args[1]!r}\\n".encode())
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        os.write(file, f"look-up {args[0]!r}\\n".encode())
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
        os.write(file, f"run {args[0]!r}\\n".encode())
sys.addaudithook(watch)
"""
"""Python's own connections. Those of libraries in C would end in the trap."""
NAMES = ("target", "url", "host", "dsn", "address", "module", "auth_module", "next", "collect[]", "exclude[]")
HEADERS = (
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Server",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Real-IP",
    "Referer",
    "Via",
    "Proxy",
    "Destination",
    "traceparent",
    "X-Prometheus-Scrape-Timeout-Seconds",
)


class Trap:
    """A listening socket on which nobody may knock."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.address = f"127.0.0.1:{self.listening.getsockname()[1]}"
        bare = ("", "http://", "https://", "redis://", "postgresql://a:b@", "unix://")
        self.texts = (
            *(f"{scheme}{self.address}/x" for scheme in bare),
            "http://trap.invalid/",
            "//trap.invalid",
        )

    def was_reached(self) -> bool:
        """Whether somebody has connected."""
        with suppress(BlockingIOError):
            self.listening.accept()[0].close()
            return True
        return False


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    trap = Trap()
    with trap.listening:
        yield trap


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reach") / "reached"


@pytest.fixture(scope="module")
def watched(reached: Path, postgres: Postgres, redis: Redis) -> Iterator[Exporter]:
    """The daemon, all routes on, under observation."""
    (reached.parent / "sitecustomize.py").write_text(WATCH)
    (reached.parent / "secret").write_text(SECRET)
    (reached.parent / "config.yml").write_text(f"targets: {{cache: {{redis: {{address: '{redis.url}'}}}}}}")
    path = os.pathsep.join([str(reached.parent), str(ROOT)])
    exporter = Exporter(
        env={"PYTHONPATH": path, "REACHED": str(reached)},
        postgres__dsn=postgres.dsn(),
        redis__address=redis.url,
        arguments=["--config.file", str(reached.parent / "config.yml")],
        api__enabled="true",
        api__jwt_secret_file=str(reached.parent / "secret"),
        api__requests_per_minute="100000",
    )
    with exporter:
        exporter.scrape()
        yield exporter


def ask(exporter: Exporter, line: str, headers: Sequence[str] = (), body: str = "") -> int:
    """The status of an answer to what is sent as it stands; 0 for none."""
    lines = [f"{line} HTTP/1.1", *headers, f"Content-Length: {len(body)}", "Connection: close", "", body]
    with socket.create_connection(("127.0.0.1", exporter.port), timeout=20) as client:
        client.sendall("\r\n".join(lines).encode())
        return int((client.makefile("rb").readline().split() or [b"", b"0"])[1])


def routes(exporter: Exporter) -> list[tuple[str, str, tuple[str, ...]]]:
    """Method, path and parameters of all routes: the API's as it describes them itself."""
    answer = exporter.get(f"{V1}/openapi.json", headers=bearing(token("viewer")))
    found: list[tuple[str, str, tuple[str, ...]]]
    found = [("GET", p, NAMES) for p in ("/metrics", "/probe", "/discovery", "/", "/-/healthy", "/-/ready")]
    found.append(("POST", "/-/reload", NAMES))
    for path, methods in json.loads(answer.body)["paths"].items():
        for method, about in methods.items():
            names = tuple(p["name"] for p in about.get("parameters", ()) if p["in"] == "query")
            found.append((method.upper(), path, (*NAMES, *names)))
    return found


def forged(trap: Trap) -> str:
    """A token that says where its key is to be fetched."""
    url = f"http://{trap.address}/keys"
    head: dict[str, Any] = {"alg": "RS256", "jku": url, "x5u": url, "kid": url}
    parts = (
        urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (head, {"iss": url})
    )
    return f"Authorization: Bearer {'.'.join(parts)}.AAAA"


def attacked(exporter: Exporter, trap: Trap) -> list[int]:
    """Sends everything to every route; the statuses."""
    role = [f"{name}: {value}" for name, value in bearing(token("admin")).items()]
    mine = "Host: localhost"
    found = []
    for method, route, names in routes(exporter):
        path = route.replace("{", "%7B").replace("}", "%7D")
        for text in trap.texts:
            query = "&".join(f"{name}={quote(text)}" for name in names)
            sent = [
                mine,
                *role,
                *(f"{name}: {text}" for name in HEADERS),
                f"Forwarded: host={text};for={text}",
            ]
            body = json.dumps(dict.fromkeys(names, text))
            found.append(
                ask(exporter, f"{method} {path}?{query}", [*sent, "Content-Type: application/json"], body)
            )
        found.append(ask(exporter, f"{method} {path}", [f"Host: {trap.address}", forged(trap)]))
        found.append(ask(exporter, f"{method} {path}", ["Host: trap.invalid", *role]))
        found.append(ask(exporter, f"{method} http://{trap.address}{path}", [mine, *role]))
        found.append(ask(exporter, f"{method} //{trap.address}{path}", [mine, *role]))
        found.append(ask(exporter, f"CONNECT {trap.address}", [mine]))
    found += [ask(exporter, f"GET /probe?target={quote(text)}", [mine]) for text in trap.texts]
    return found


def test_only_what_is_configured_is_reached(
    watched: Exporter, trap: Trap, reached: Path, postgres: Postgres, redis: Redis
) -> None:
    at_start = set(reached.read_text().splitlines())
    statuses = attacked(watched, trap)
    watched.scrape()

    cache = repr(("127.0.0.1", redis.port))
    named = {cache, repr(("127.0.0.1", postgres.port)), "look-up '127.0.0.1'"}
    seen = set(reached.read_text().splitlines())
    assert seen - at_start <= named
    assert {one for one in at_start if not one.startswith("run ")} <= named
    assert cache in seen, "what is watched is seen"
    assert not trap.was_reached()
    assert len(statuses) > 300
    assert statuses.count(500) == statuses.count(0) == 0
    with socket.create_connection(trap.listening.getsockname()):
        assert trap.was_reached(), "the trap works"
