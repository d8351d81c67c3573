"""The unit, its drop-ins and the configuration: systemd's own checks, and what they name exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from exporter.collectors import discover
from exporter.model.errors import SettingsError
from exporter.settings import Settings, load_settings
from tests.deploy.systemd.installed import CONFIG, DROP_INS, FOLDER, PROGRAM, UNIT
from tests.servers import catalogue, require
from tests.servers.missing import Missing

SERVICE = FOLDER / f"{UNIT}.service"
SCORES = {"": 1.7, "encrypted-credentials": 1.8, "host-everything": 2.4, "network": 1.5, "tls": 1.7}
"""Drop-in -> what docs/systemd.md says of it."""
CODE = re.compile(r"^#(?=\S| {2})", re.MULTILINE)
"""A line that is switched off: words have one space after the #."""


def analyze() -> str:
    """The program `systemd-analyze`.

    Raises:
        Missing: it is not installed.
    """
    if not (found := shutil.which("systemd-analyze")):
        raise Missing(f"systemd is not on this machine: run `{catalogue.INSTALL}` as root")
    return found


@pytest.fixture(
    params=["", *sorted(path.stem for path in DROP_INS.glob("*.conf"))], ids=lambda name: name or "alone"
)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """The name of a drop-in, and the unit with it; its program is one that is on every machine."""
    service = tmp_path / SERVICE.name
    service.write_text(SERVICE.read_text().replace(PROGRAM, "/bin/true"))
    if request.param:
        folder = tmp_path / f"{SERVICE.name}.d"
        folder.mkdir()
        shutil.copy(DROP_INS / f"{request.param}.conf", folder)
    return request.param, service


def ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """A command with what it said."""
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_systemd_understands_every_line(unit: tuple[str, Path]) -> None:
    done = ran(require(analyze), "verify", "--man=no", unit[1])

    assert (done.returncode, done.stderr) == (0, "")


def test_the_sandbox_is_as_tight_as_the_documentation_says(unit: tuple[str, Path]) -> None:
    name, service = unit
    threshold = f"--threshold={round(SCORES[name] * 10)}"
    done = ran(require(analyze), "security", "--offline=true", "--no-pager", threshold, service)

    assert done.returncode == 0, done.stdout
    assert f": {SCORES[name]} " in done.stdout
    assert re.search(
        rf"`{name}.conf`.* {SCORES[name]} \|" if name else rf"scores {SCORES[name]}\b", documentation()
    )


def documentation() -> str:
    """docs/systemd.md."""
    return (catalogue.ROOT / "docs" / "systemd.md").read_text()


def test_the_same_file_is_a_template(tmp_path: Path) -> None:
    service = tmp_path / f"{UNIT}@.service"
    service.write_text(SERVICE.read_text().replace(PROGRAM, "/bin/true"))
    done = ran(require(analyze), "verify", "--man=no", service)

    assert (done.returncode, done.stderr) == (0, "")


def settings(config: Path, secrets: Path) -> Settings:
    """What the line ExecStart gives with these places."""
    parser = RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(SERVICE.read_text())
    program, command, *flags = shlex.split(parser["Service"]["ExecStart"])
    assert (program, command) == (PROGRAM, "serve")
    argv = [
        flag.replace(CONFIG.replace(UNIT, "%N"), str(config)).replace("%d", str(secrets)) for flag in flags
    ]
    assert not [flag for flag in argv if "%" in flag]
    return load_settings(argv, {}, {name: (c.spec.default, c.spec.help) for name, c in discover().items()})


def test_the_configuration_is_accepted_as_it_is(tmp_path: Path) -> None:
    loaded = settings(FOLDER / "config.yml", tmp_path)

    assert loaded.web.listen_address == "127.0.0.1:9188"
    assert str(loaded.slow_queries.directory) == "/var/log/datastack-exporter"
    assert str(loaded.analysis.directory) == "/var/lib/datastack-exporter"


def test_all_that_is_switched_off_in_it_is_accepted_too(tmp_path: Path) -> None:
    written = (FOLDER / "config.yml").read_text()
    config, secrets = tmp_path / "config.yml", tmp_path / "credentials"
    config.write_text(CODE.sub("", written))
    secrets.mkdir()
    loaded = settings(config, secrets)

    assert len(CODE.findall(written)) > 10
    assert loaded.postgres.dsn is not None
    assert loaded.redis.address == "127.0.0.1:6379"
    assert loaded.pgbouncer.dsn is not None
    assert set(loaded.targets) == {"orders"}


def test_a_credential_of_the_folder_is_a_setting(tmp_path: Path) -> None:
    # LoadCredential=exporter:FOLDER puts "exporter_" before each name.
    secrets = tmp_path / "credentials"
    secrets.mkdir()
    for name, text in {"postgres__password": "one", "targets__orders__redis__password": "two"}.items():
        (secrets / f"exporter_{name}").write_text(f"{text}\n")
    config = tmp_path / "config.yml"
    config.write_text("targets: {orders: {redis: {address: 'cache.example.org:6379'}}}\n")
    loaded = settings(config, secrets)
    password, of_target = loaded.postgres.password, loaded.targets["orders"].redis.password

    assert password is not None
    assert password.get_secret_value() == "one"
    assert of_target is not None
    assert of_target.get_secret_value() == "two"


def test_a_credential_with_a_wrong_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "exporter_postgres_password").write_text("one")

    with pytest.raises(SettingsError, match="its name is no setting"):
        settings(FOLDER / "config.yml", tmp_path)


def test_the_documentation_names_every_file() -> None:
    text = documentation()

    assert [path.name for path in DROP_INS.iterdir() if f"`{path.name}`" not in text] == []
