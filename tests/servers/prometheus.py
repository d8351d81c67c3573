"""Prometheus and Alertmanager."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from exporter.demo.process import LOOPBACK
from tests.servers import catalogue, page
from tests.servers.controlled import Controlled
from tests.servers.program import Program, config_file

Config = str | Mapping[str, object]


class Prometheus(Controlled[Program]):
    """A Prometheus with the given configuration (YAML text, or the same as a mapping).

    Raises:
        Missing: Prometheus is not on the machine.
    """

    def __init__(self, config: Config) -> None:
        program = catalogue.debian_program("prometheus")
        super().__init__(Program("prometheus", lambda port: self._line(program, port), ready="/-/ready"))
        self.config = config_file(self.process, "prometheus.yml", config)

    def _line(self, program: Path, port: int) -> list[str | Path]:
        return [
            program,
            f"--config.file={self.config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={LOOPBACK}:{port}",
            "--rules.alert.resend-delay=1s",
            "--log.level=warn",
        ]

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    def api(self, path: str, **params: str) -> Any:
        """`data` of an answer of the HTTP API: `api("targets")`."""
        answer = page.request(self.port, f"/api/v1/{path}", params=params)
        said = json.loads(answer.body)
        assert said["status"] == "success", said
        return said["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query: each with `metric` and `value`."""
        result: list[dict[str, Any]] = self.api("query", query=expression)["result"]
        return result

    def wait_for(self, expression: str, seconds: float = 20.0) -> list[dict[str, Any]]:
        """Asks until the query gives something; an AssertionError after `seconds`."""
        end = monotonic() + seconds
        while monotonic() < end:
            if result := self.query(expression):
                return result
            sleep(0.1)
        raise AssertionError(f"Prometheus has nothing for {expression} after {seconds} s")

    def reload(self, config: Config) -> None:
        """Takes a new configuration."""
        self.config = config_file(self.process, "prometheus.yml", config)
        self.process.send(signal.SIGHUP)


class Alertmanager(Controlled[Program]):
    """An Alertmanager alone, without a cluster.

    Args:
        config: its configuration, as YAML text or as a mapping; by default it keeps all to itself.

    Raises:
        Missing: Alertmanager is not on the machine.
    """

    def __init__(self, config: Config | None = None) -> None:
        program = catalogue.debian_program("prometheus-alertmanager")
        super().__init__(Program("alertmanager", lambda port: self._line(program, port), ready="/-/ready"))
        silent = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
        self.config = config_file(self.process, "alertmanager.yml", config or silent)

    def _line(self, program: Path, port: int) -> list[str | Path]:
        return [
            program,
            f"--config.file={self.config}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={LOOPBACK}:{port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it knows, with `labels` and `annotations`."""
        found: list[dict[str, Any]] = json.loads(page.request(self.port, "/api/v2/alerts").body)
        return found
