"""Takes what Alertmanager sends and writes a line for each alert: python alert_log.py HOST:PORT.

A stand-in for pagers and chats. The path of the address is the receiver's name. The heartbeat of the receiver
`deadman` is taken, but written only once. Standard library only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MOST_BYTES = 1_000_000
HEARTBEAT = "Watchdog"


def lines(receiver: str, message: dict[str, Any]) -> Iterator[str]:
    """A line for each alert of a message: receiver, firing or resolved, severity, name, instance, summary.

    Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
    """
    for alert in message["alerts"]:
        labels, said = alert["labels"], alert["annotations"].get("summary", "")
        words = (alert["status"].upper(), labels.get("severity", "-"), labels["alertname"])
        # One line, whatever is in it.
        yield json.dumps(f"{receiver}: {' '.join(words)} {labels.get('instance', '-')}: {said}")[1:-1]


class Handler(BaseHTTPRequestHandler):
    """GET says that it is alive, POST takes a message."""

    timeout = 10
    server: Log

    def do_GET(self) -> None:
        """Answers 200 with nothing."""
        self._reply(200)

    def do_POST(self) -> None:
        """Answers 200 to a message, 400 to anything else."""
        try:
            size = int(self.headers["Content-Length"])
            if not 0 <= size <= MOST_BYTES:
                self._reply(413)
                return
            found = list(lines(self.path.strip("/"), json.loads(self.rfile.read(size))))
        except (AttributeError, KeyError, TypeError, ValueError):
            self._reply(400)
            return
        for line in found:
            self.server.write(line)
        self._reply(200)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the alerts are the log."""

    def _reply(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Log(ThreadingHTTPServer):
    """The server, which knows whether there was a heartbeat."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Handler)
        self._beats: set[str] = set()

    def write(self, line: str) -> None:
        """Writes a line; that of a heartbeat only the first time."""
        if HEARTBEAT in line:
            if line in self._beats:
                return
            self._beats.add(line)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    host, _, port = sys.argv[1].rpartition(":")
    with Log((host, int(port))) as log:
        log.serve_forever()
