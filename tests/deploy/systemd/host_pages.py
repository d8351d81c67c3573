"""What the host collectors give inside the service's sandbox, beside what they give to root without one."""

from __future__ import annotations

import re
from collections.abc import Collection

from tests.deploy.systemd.installed import PROGRAM
from tests.deploy.systemd.machine import Machine
from tests.servers.page import request

PLAIN = "plain"

# What is about the exporter itself, or comes and goes between two pages.
OWN = re.compile(
    r"exporter_|process_|python_|namedprocess_namegroup_\w+\{groupname=\"(python|datastack)"
    r"|.*/(plain|datastack-exporter)\.service|.*\"(plain|datastack-exporter)\.service"
)


def start_plain(made: Machine, port: int, config: str) -> None:
    """Starts the exporter as root, as a unit without a single restriction."""
    made.out(
        *("systemd-run", "--quiet", f"--unit={PLAIN}", "--property=Type=notify", PROGRAM, "serve"),
        *(f"--web.listen-address=127.0.0.1:{port}", f"--config.file={config}"),
    )


def host_page(port: int) -> str:
    """The host's part of the page."""
    return request(port, "/metrics?collect[]=host", timeout=30).text


def series(page: str) -> set[str]:
    """All series but those of the exporter itself, as they are written."""
    lines = (line.rpartition(" ")[0] for line in page.splitlines() if line and line[0] != "#")
    return {line for line in lines if not OWN.match(line)}


def succeeded(page: str) -> dict[str, bool]:
    """Collector -> whether it gave all it should; a collector that was skipped has no entry."""
    line = re.compile(r'^exporter_collector_success\{collector="(\w+)",family="host"\} (\d)', re.MULTILINE)
    found = line.findall(page)
    return {name: value == "1" for name, value in found}


def names(of: Collection[str]) -> set[str]:
    """The metric names of series."""
    return {one.partition("{")[0] for one in of}
