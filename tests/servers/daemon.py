"""Our own daemon as a child process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exporter.demo.process import LOOPBACK
from tests.servers import catalogue, page
from tests.servers.controlled import Controlled
from tests.servers.program import Program

PREFIX = "EXPORTER_"


class Exporter(page.Page, Controlled[Program]):
    """`python -m exporter serve` on a free port, configured by environment variables alone.

    `Exporter(postgres__dsn=server.dsn(), redis__address=cache.url)` sets EXPORTER_POSTGRES__DSN and
    EXPORTER_REDIS__ADDRESS. It is started when `/-/healthy` answers 200. `log` is what it wrote to
    stdout and stderr.

    Args:
        arguments: of the command line, after `serve`.
        env: more environment variables, by their full name.
        settings: a value that is not text is handed over as JSON, as pydantic-settings reads it.
    """

    def __init__(
        self, *, arguments: Sequence[str] = (), env: Mapping[str, str] | None = None, **settings: Any
    ) -> None:
        self.settings = settings
        self.arguments = tuple(arguments)
        process = Program("exporter", self._line, ready="/-/healthy", env={**_inherited(), **(env or {})})
        super().__init__(process)

    def _line(self, port: int) -> list[str | Path]:
        settings = {"web__listen_address": f"{LOOPBACK}:{port}", **self.settings}
        for name, value in settings.items():
            self.process.env[PREFIX + name.upper()] = value if isinstance(value, str) else json.dumps(value)
        return [sys.executable, "-m", "exporter", "serve", *self.arguments]

    def post(self, path: str) -> page.Answer:
        """A POST without a body: `post("/-/reload")`."""
        return page.request(self.port, path, method="POST")


def _inherited() -> dict[str, str]:
    # The project's folder: the package need not be installed.
    path = os.pathsep.join(filter(None, [str(catalogue.ROOT), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
