"""Settings from a folder of secrets."""

from __future__ import annotations

import pytest


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


def argv(folder) -> list[str]:
    return [f"--config.secrets-dir={folder}"]


def test_a_file_is_a_setting(load, folder) -> None:
    (folder / "postgres__password").write_text(" p w \r\n")
    (folder / "EXPORTER_REDIS__PASSWORD").write_text("ü")

    settings = load(argv(folder))

    assert settings.postgres.password.get_secret_value() == " p w "
    assert settings.redis.password.get_secret_value() == "ü"


def test_the_folder_can_come_from_a_variable(load, folder) -> None:
    (folder / "log__level").write_text("debug\n")

    assert load(environ={"EXPORTER_CONFIG__SECRETS_DIR": str(folder)}).log.level == "debug"


def test_what_kubernetes_keeps_there_is_left_alone(load, folder) -> None:
    (folder / "..data").mkdir()
    (folder / "..data" / "log__level").write_text("debug")
    (folder / "log__level").symlink_to("..data/log__level")
    (folder / "kubernetes.io").mkdir()
    (folder / ".hidden").write_text("x")

    assert load(argv(folder)).log.level == "debug"


def test_an_unknown_name_is_named_with_the_nearest_one(findings, folder) -> None:
    (folder / "postgres__pasword").write_text("s3cret")

    assert findings(argv(folder)) == (
        f"secret file {folder}/postgres__pasword: its name is no setting; did you mean postgres__password?",
    )


def test_a_bad_value_is_named_with_its_file(findings, folder) -> None:
    (folder / "postgres__dsn").write_text("s3cret")
    (folder / "redis__password").write_bytes(b"\xff\xfe")
    (folder / "log__level").write_text("x" * 70_000)

    assert findings(argv(folder)) == (
        (
            f"log.level: secret file {folder}/log__level: {folder}/log__level is larger than 65536 bytes:"
            " is it the right file?"
        ),
        f"redis.password: secret file {folder}/redis__password: {folder}/redis__password is not UTF-8 text",
        (
            f"postgres.dsn (secret file {folder}/postgres__dsn): expected postgresql://user:password@host:port/database,"
            " or name=value pairs (host=... user=...)"
        ),
    )


def test_a_missing_folder_is_named_with_the_remedy(findings, tmp_path) -> None:
    assert findings(argv(tmp_path / "none")) == (
        (
            f"config.secrets_dir (flag --config.secrets-dir): folder {tmp_path}/none:"
            " No such file or directory: mount it and let this user read it, or leave the setting out"
        ),
    )
