"""The part of Grafana's HTTP API that `verify` asks, on loopback. Grafana itself is in no package index.

Source: https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from exporter.demo.process import LOOPBACK

TOKEN = "glsa_let-me-look"
UID = "prometheus"
Reply = tuple[int, Any]


class GrafanaApi:
    """A context manager. It wants the token, and hands queries on to a Prometheus.

    Args:
        prometheus: the address of that; empty for a Grafana without data source.
        dashboards: those that it has.
    """

    def __init__(self, prometheus: str, dashboards: Iterable[Mapping[str, Any]] = ()) -> None:
        self.prometheus = prometheus
        self.dashboards = {dashboard["uid"]: dashboard for dashboard in dashboards}
        self._http = _Server((LOOPBACK, 0), self)
        self._thread = Thread(target=self._http.serve_forever, args=(0.05,), name="grafana", daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self._http.server_port}"

    def reply(self, path: str, query: str) -> Reply:
        """What Grafana answers to somebody who may ask."""
        match path.removeprefix("/api/").split("/"):
            case ["datasources"]:
                source = {"uid": UID, "name": "Prometheus", "type": "prometheus", "isDefault": True}
                return 200, [source] if self.prometheus else []
            case ["datasources", "uid", _, "health"]:
                status, _ = self._asked("/-/ready")
                return (200, {"status": "OK"}) if status == 200 else (400, {"status": "ERROR"})
            case ["datasources", "proxy", "uid", _, *rest]:
                return self._asked(f"/{'/'.join(rest)}?{query}")
            case ["search"]:
                tags = parse_qs(query).get("tag", [])
                found = [d for d in self.dashboards.values() if set(tags) <= set(d["tags"])]
                return 200, [{"uid": d["uid"], "title": d["title"]} for d in found]
            case ["dashboards", "uid", uid] if uid in self.dashboards:
                # Grafana counts the versions of what is provisioned by itself.
                return 200, {"meta": {}, "dashboard": {**self.dashboards[uid], "id": 7, "version": 3}}
            case _:
                return 404, {"message": "Not found"}

    def _asked(self, path: str) -> Reply:
        try:
            with urlopen(f"{self.prometheus}{path}", timeout=5) as answer:
                body = answer.read().decode()
        except HTTPError as error:
            error.close()
            return error.code, {}
        except OSError:
            return 502, {"message": "bad gateway"}
        return 200, json.loads(body) if body.startswith("{") else body

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], grafana: GrafanaApi) -> None:
        super().__init__(address, _Handler)
        self.grafana = grafana


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answers; only the health may be asked without the token."""
        parts = urlsplit(self.path)
        if parts.path == "/api/health":
            status, said = 200, {"database": "ok", "version": "12.4.0"}
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            status, said = 401, {"message": "Unauthorized"}
        else:
            status, said = self.server.grafana.reply(parts.path, parts.query)
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the answers tell all."""
