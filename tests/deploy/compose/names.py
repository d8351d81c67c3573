"""What stands natively for the names of the Compose stack. Nothing else of its files is changed.

| in the files | natively |
|---|---|
| a service's name before its port, or after `host=` | an address of 127.0.0.0/8; ports stay |
| 127.0.0.1 and localhost | the service's own address |
| all addresses to listen on (`0.0.0.0:`, `bind *`, `listen_addr = *`) | the service's own address |
| a path where something is mounted | a copy of that below the service's folder |
| waiting times of Prometheus, its rules and Alertmanager | a few seconds |
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from exporter.demo.account import Account
from tests.deploy.compose.stack import Mount, Service
from tests.servers.chain import SHIPPED, hurried

RULES = "/etc/prometheus/rules"

LISTEN: Mapping[str, str] = {
    r"0\.0\.0\.0(?=:\d)": "{address}",
    r"(?m)^bind \* -::\*$": "bind {address}",
    r"(?m)^listen_addr = \*$": "listen_addr = {address}",
}

TIMES: Mapping[str, Mapping[str, str]] = {
    "prometheus.yml": {
        r"(?m)^  scrape_interval: \w+$": "  scrape_interval: 1s",
        r"(?m)^  scrape_timeout: \w+$": "  scrape_timeout: 1s",
        r"(?m)^  evaluation_interval: \w+$": "  evaluation_interval: 1s",
    },
    "alertmanager.yml": {
        r"(?m)group_wait: \w+$": "group_wait: 200ms",
        r"(?m)group_interval: \w+$": "group_interval: 1s",
    },
}
"""By the file's name: its waiting times, and what they become. Each of them is there."""


def addresses(names: Iterable[str]) -> dict[str, str]:
    """An address for each service, which no other process of this machine uses."""
    pid = os.getpid()
    network = f"127.{100 + (pid >> 8) % 150}.{pid % 256}"
    return {name: f"{network}.{number}" for number, name in enumerate(names, start=1)}


class Tree:
    """What a service finds at the paths of its container, as copies in a folder of its own.

    Args:
        service: as compose.yml has it.
        folder: where its paths begin.
        secrets: the folder that secrets.sh has filled.
        hosts: service -> address.
    """

    def __init__(self, service: Service, folder: Path, secrets: Path, hosts: Mapping[str, str]) -> None:
        self.service = service
        self.folder = folder
        self._secrets = secrets
        self._hosts = hosts
        paths = sorted((m.target for m in service.mounts), key=len, reverse=True)
        self._paths = re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, paths))})(?![\w.-])")
        names = "|".join(hosts)
        self._names = re.compile(rf"(?<![\w.-])(?:{names})(?=:\d)|(?<=\bhost=)(?:{names})\b")

    @property
    def address(self) -> str:
        """The service's own address."""
        return self._hosts[self.service.name]

    def path(self, target: str) -> Path:
        """Where a path of the container lies."""
        return self.folder / target.lstrip("/")

    def text(self, text: str) -> str:
        """A text with all names replaced."""
        text = re.sub(r"\b(?:localhost|127\.0\.0\.1)\b", self.address, text)
        for pattern, replacement in LISTEN.items():
            text = re.sub(pattern, replacement.format(address=self.address), text)
        text = self._names.sub(lambda found: self._hosts[found[0]], text)
        return self._paths.sub(lambda found: str(self.path(found[0])), text)

    def plant(self, account: Account) -> None:
        """Copies all that is mounted; volumes and memory are empty folders of the account's."""
        for mount in sorted(self.service.mounts, key=lambda m: m.target):
            path = self.path(mount.target)
            path.parent.mkdir(parents=True, exist_ok=True)
            if mount.kind in ("volume", "tmpfs"):
                path.mkdir(mode=0o700, exist_ok=True)
                account.give(path)
            elif mount.kind == "secret":
                shutil.copy2(self._secrets / Path(mount.source).name, path)
            elif mount.path.is_dir():
                self._copy_folder(mount, path)
            else:
                path.write_text(self._file(mount))

    def _copy_folder(self, mount: Mount, path: Path) -> None:
        if mount.target == RULES:
            assert mount.path == SHIPPED / "rules"
            path.mkdir()
            hurried(path, {})
        else:
            shutil.copytree(mount.path, path)

    def _file(self, mount: Mount) -> str:
        text = mount.path.read_text()
        for pattern, replacement in TIMES.get(mount.path.name, {}).items():
            text, changed = re.subn(pattern, replacement, text)
            assert changed, f"{mount.path} has no {pattern}"
        return self.text(text)
