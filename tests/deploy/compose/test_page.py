"""docs/compose.md says what the files say. What its commands do is in tests/e2e/test_compose_natively.py."""

from __future__ import annotations

import re

from tests.deploy.compose.generated import FOLDER, ROOT
from tests.deploy.compose.stack import COMPOSE, services

PAGE = (ROOT / "docs" / "compose.md").read_text()
SERVICES = services()
COMMANDS = re.findall(r"docker compose ([^\n`]+)", PAGE)
MEGABYTES = {"m": 1, "g": 1024}


def test_services_profiles_and_files_of_commands_are_there() -> None:
    assert len(COMMANDS) > 8
    profiles = {profile for service in SERVICES.values() for profile in service.spec.get("profiles", [])}
    for command in COMMANDS:
        for file in re.findall(r"-f (\S+)", command):
            assert (FOLDER / file).exists(), command
        assert {*re.findall(r"--profile (\S+)", command)} <= profiles, command
        for verb in ("stop", "start", "restart", "exec", "--follow", "SIGHUP"):
            assert {*re.findall(rf"(?:^| ){verb} (\S+)", command)} <= SERVICES.keys(), command


def test_addresses_are_those_that_are_open() -> None:
    told = {int(port) for port in re.findall(r"http://localhost:(\d+)", PAGE)}

    assert told == {outside for service in SERVICES.values() for _, outside, _ in service.ports}


def test_variables_are_those_of_the_file() -> None:
    assert {*re.findall(r"PORT_[A-Z]+", PAGE)} == {*re.findall(r"PORT_[A-Z]+", COMPOSE.read_text())}


def test_secrets_are_generated_under_the_names_that_are_told() -> None:
    told = {*re.findall(r"`secrets/(\w+)`", PAGE)}

    assert len(told) == 4
    assert told <= {name for service in SERVICES.values() for name in service.secrets}


def test_figures_are_those_of_the_file() -> None:
    limits = [service.spec["mem_limit"] for service in SERVICES.values()]
    megabytes = sum(int(limit[:-1]) * MEGABYTES[limit[-1]] for limit in limits)
    (days, size) = re.findall(r"(\d+) days or (\d+) GB", PAGE)[0]

    assert f"{round(megabytes / 1024)} GB of memory" in PAGE
    line = SERVICES["prometheus"].line
    assert f"--storage.tsdb.retention.time={days}d" in line
    assert f"--storage.tsdb.retention.size={size}GB" in line
