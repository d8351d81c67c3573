"""A server with canned answers, for what a healthy one does not say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from exporter.doctor.chain.client import Api
from exporter.model.deadline import Deadline


class Canned(ThreadingHTTPServer):
    """Path -> status, headers and body."""

    daemon_threads = True
    replies: Mapping[str, tuple[int, dict[str, str], bytes]]
    asked: list[tuple[str, str | None]]
    over: Event


class Handler(BaseHTTPRequestHandler):
    server: Canned

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        status, headers, body = self.server.replies[self.path.partition("?")[0]]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/slow":
            self.server.over.wait(10)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def running() -> Iterator[Canned]:
    with Canned(("127.0.0.1", 0), Handler) as canned:
        canned.replies, canned.asked, canned.over = {}, [], Event()
        thread = Thread(target=canned.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield canned
        canned.over.set()
        canned.shutdown()
        thread.join()


def api_of(server: Canned, login: str = "", *, seconds: float = 5.0, token: str | None = None) -> Api:
    return Api(f"http://{login}127.0.0.1:{server.server_port}", Deadline.after(seconds), token)


def answering(server: Canned, documents: Mapping[str, Any]) -> Api:
    server.replies = {path: (200, {}, json.dumps(document).encode()) for path, document in documents.items()}
    return api_of(server)
