"""The GitHub workflows as data: their jobs, steps, and what each uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.image.dockerfile import ROOT

FOLDER = ROOT / ".github"
FILES = sorted((FOLDER / "workflows").glob("*.yml"))


def load(path: Path) -> dict[str, Any]:
    """One workflow; its key `on` is read as the text that it is, not as true."""
    document = yaml.safe_load(path.read_text())
    document["on"] = document.pop(True, document.get("on"))
    return dict(document)


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """(file and job, job) of all workflows."""
    for path in FILES:
        for name, job in load(path)["jobs"].items():
            yield f"{path.name}: {name}", job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """(file and job, step) of all workflows."""
    for where, job in jobs():
        for step in job["steps"]:
            yield where, step


def script(workflow: str, job: str, name: str) -> str:
    """The script of a step by its name."""
    (step,) = (
        s for s in load(FOLDER / "workflows" / workflow)["jobs"][job]["steps"] if s.get("name") == name
    )
    return str(step["run"])
