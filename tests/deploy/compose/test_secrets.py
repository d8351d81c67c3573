"""The secrets of the Compose stack: each is made, declared, mounted and used."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from tests.deploy.compose.checks import SERVICES, run, settings
from tests.deploy.compose.generated import FOLDER, ROOT
from tests.deploy.compose.stack import RECEIVERS, RUN_SECRETS, read, services


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "secrets"
    run("sh", FOLDER / "secrets.sh", folder)
    return folder


def test_every_secret_is_used_declared_and_generated(made: Path) -> None:
    declared = {name: entry["file"] for name, entry in read()["secrets"].items()}
    used = {name for service in SERVICES.values() for name in service.secrets}

    assert used == declared.keys() == {path.name for path in made.iterdir()}
    assert declared == {name: f"./secrets/{name}" for name in declared}
    assert "/secrets/" in (FOLDER / ".gitignore").read_text().splitlines()


def test_secrets_are_read_by_every_container_and_by_nobody_else(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in made.iterdir()} == {
        path.name: 0o644 for path in made.iterdir()
    }


def test_passwords_are_long_different_and_stay(made: Path) -> None:
    before = {path.name: path.read_text() for path in made.iterdir()}
    passwords = [text for name, text in before.items() if "." not in name]
    assert all(re.fullmatch(r"[\w-]{32}", password) for password in passwords)
    assert len({*passwords}) == len(passwords) == 6

    (made / "redis_password").unlink()
    (made / "shop_password").chmod(0o600)
    run("sh", FOLDER / "secrets.sh", made)

    after = {path.name: path.read_text() for path in made.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"redis_password", "redis_users.acl"}
    assert (made / "shop_password").stat().st_mode & 0o777 == 0o644


def test_paths_of_secrets_in_files_are_secrets_of_that_service() -> None:
    for service in SERVICES.values():
        texts = [yaml.safe_dump(dict(service.spec))]
        texts += [m.path.read_text() for m in service.mounts if m.kind == "bind" and m.path.is_file()]
        named = set(re.findall(rf"{RUN_SECRETS}/([\w.]*\w)", " ".join(texts)))
        assert named == {*service.secrets}, service.name


def test_the_exporter_logs_in_as_the_users_that_there_are(made: Path) -> None:
    pgbouncer = (FOLDER / "pgbouncer" / "pgbouncer.ini").read_text()
    found = settings()

    assert "user=exporter" in found.postgres.dsn.get_secret_value()
    assert "user=exporter" in found.pgbouncer.dsn.get_secret_value()
    assert found.redis.username == "exporter"
    assert r"\set role exporter" in (ROOT / "deploy" / "sql" / "role.sql").read_text()
    assert "stats_users = exporter\n" in pgbouncer
    assert "admin_users" not in pgbouncer
    users = dict(re.findall(r'"(\w+)" "(\S+)"', (made / "pgbouncer_users.txt").read_text()))
    assert users == {
        "exporter": (made / "pgbouncer_password").read_text(),
        "shop": (made / "shop_password").read_text(),
    }


def test_with_real_receivers_the_shipped_file_and_its_secrets_are_mounted() -> None:
    service = services(RECEIVERS)["alertmanager"]
    shipped = ROOT / "alertmanager" / "alertmanager.yml"
    (table,) = re.findall(
        r"\| file in `/run/secrets`.*?\n\n", (ROOT / "alertmanager" / "README.md").read_text(), re.DOTALL
    )

    assert service.bound("/etc/alertmanager/alertmanager.yml") == shipped
    assert {*service.secrets} == set(re.findall(rf"{RUN_SECRETS}/(\w+)", shipped.read_text()))
    assert {*service.secrets} == set(re.findall(r"(?m)^\| `(\w+)`", table))
    assert {*read(RECEIVERS)["secrets"]} == {*service.secrets}


def test_redis_knows_a_password_that_an_editor_wrote(tmp_path: Path) -> None:
    (tmp_path / "redis_password").write_text("of-your-own\n")
    run("sh", FOLDER / "secrets.sh", tmp_path)

    assert f"#{sha256(b'of-your-own').hexdigest()} " in (tmp_path / "redis_users.acl").read_text()
