"""What compose.yml says, as values: the services with their mounts, secrets, ports and commands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from tests.deploy.compose.generated import FOLDER

COMPOSE = FOLDER / "compose.yml"
HOST = FOLDER / "compose.host.yml"
RECEIVERS = FOLDER / "compose.receivers.yml"
RUN_SECRETS = "/run/secrets"

Kind = Literal["bind", "secret", "volume", "tmpfs"]

_VARIABLE = re.compile(r"\$(?:(\$)|\{\w+:-([^}]*)\})")


@dataclass(frozen=True, slots=True)
class Mount:
    """Something at a path of a container.

    Attributes:
        kind: a file or folder of the repository, a secret, a named volume, or memory.
        source: the path on the host; of a volume its name, of memory its options.
        target: the path in the container.
        options: what follows the target: `ro`.
    """

    kind: Kind
    source: str
    target: str
    options: str = ""

    @property
    def path(self) -> Path:
        """The path on the host of what is bound."""
        return (FOLDER / self.source).resolve()


@dataclass(frozen=True)
class Service:
    """One service; `spec` is what the file says, with the defaults of variables in place."""

    name: str
    spec: Mapping[str, Any]
    secret_files: Mapping[str, str]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def mounts(self) -> Sequence[Mount]:
        """All of its mounts."""
        return [*self._volumes(), *self._secrets(), *self._tmpfs()]

    @property
    def line(self) -> list[str]:
        """The command line as the file gives it; what the image's own entry point adds is not in it."""
        return [*self.spec.get("entrypoint", []), *self.spec.get("command", [])]

    @property
    def ports(self) -> Sequence[tuple[str, int, int]]:
        """Address and port on the host, and the port in the container."""
        found = [entry.rsplit(":", 2) for entry in self.spec.get("ports", [])]
        return [(address, int(outside), int(inside)) for address, outside, inside in found]

    @property
    def secrets(self) -> Sequence[str]:
        """The names of its secrets."""
        return list(self.spec.get("secrets", []))

    def bound(self, target: str) -> Path:
        """The file or folder of the repository that lies at a path of the container."""
        (found,) = [m.path for m in self.mounts if m.kind == "bind" and m.target == target]
        return found

    def _volumes(self) -> Iterator[Mount]:
        for entry in self.spec.get("volumes", []):
            source, target, *options = entry.split(":")
            kind: Kind = "bind" if source.startswith((".", "/")) else "volume"
            yield Mount(kind, source, target, ":".join(options))

    def _secrets(self) -> Iterator[Mount]:
        for name in self.secrets:
            yield Mount("secret", self.secret_files[name], f"{RUN_SECRETS}/{name}", "ro")

    def _tmpfs(self) -> Iterator[Mount]:
        for entry in self.spec.get("tmpfs", []):
            target, _, options = entry.partition(":")
            yield Mount("tmpfs", options, target)


def read(path: Path = COMPOSE) -> dict[str, Any]:
    """A file as Compose reads it without any variable: `${NAME:-default}` is the default, `$$` a dollar."""
    found: dict[str, Any] = _resolved(yaml.safe_load(path.read_text()))
    return found


def services(*paths: Path) -> dict[str, Service]:
    """The services of compose.yml, with the files over it that are given.

    Lists of an override come after those of the base, a mount replaces one with the same target.
    """
    content = read()
    for path in paths:
        content = _merged(content, read(path))
    secrets = {name: entry["file"] for name, entry in content["secrets"].items()}
    return {name: Service(name, spec, secrets) for name, spec in content["services"].items()}


def _resolved(value: Any) -> Any:
    match value:
        case dict():
            return {key: _resolved(entry) for key, entry in value.items()}
        case list():
            return [_resolved(entry) for entry in value]
        case str():
            return _VARIABLE.sub(lambda found: found[1] or found[2], value)
        case _:
            return value


def _merged(base: Any, over: Any, key: str = "") -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        both = {name: _merged(base[name], over[name], name) for name in base.keys() & over.keys()}
        return {**base, **over, **both}
    if isinstance(base, list) and isinstance(over, list):
        if key == "volumes":
            targets = {entry.split(":")[1] for entry in over}
            base = [entry for entry in base if entry.split(":")[1] not in targets]
        return [*base, *over]
    return over
