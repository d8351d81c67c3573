"""What the tests of the Compose stack's files have in common."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from exporter.settings import load_settings
from tests.deploy.compose.generated import FOLDER
from tests.deploy.compose.stack import Service, services

SERVICES = services()
WATCHERS = {"exporter", "prometheus", "alertmanager", "grafana", "alert-log"}


def run(*line: str | Path, cwd: Path = FOLDER) -> None:
    done = subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def port_of(service: Service) -> int:
    """The port that its health check asks: the one that it listens on."""
    if service.name == "exporter":
        return int(settings().web.bind[1])
    words = " ".join(service.spec["healthcheck"]["test"])
    if "pg_isready" in words or "redis-cli" in words:
        return {"postgres": 5432, "redis": 6379}[service.name]
    (port,) = set(re.findall(r"127\.0\.0\.1[:/](\d+)", words))
    return int(port)


def settings() -> Any:
    """What the exporter's file says; the files with passwords are not there yet."""
    text = re.sub(r" +password_file:.*\n", "", (FOLDER / "exporter.yml").read_text())
    with NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(text)
        file.flush()
        return load_settings(["--config.file", file.name], {}, {})
