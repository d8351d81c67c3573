"""The stand-in for receivers takes what Alertmanager sends, and nothing that does harm."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from http.client import HTTPConnection
from threading import Thread
from typing import Any

import pytest

from tests.deploy.compose.generated import FOLDER

SCRIPT = runpy.run_path(str(FOLDER / "alert_log.py"))


@pytest.fixture
def port() -> Iterator[int]:
    with SCRIPT["Log"](("127.0.0.1", 0)) as log:
        thread = Thread(target=log.serve_forever, args=(0.02,))
        thread.start()
        yield log.server_port
        log.shutdown()
        thread.join()


def message(name: str = "PostgresDown", summary: str = "it is down") -> dict[str, Any]:
    labels = {"alertname": name, "severity": "critical", "instance": "db:9188"}
    return {"alerts": [{"status": "firing", "labels": labels, "annotations": {"summary": summary}}]}


def post(port: int, path: str, body: str, **headers: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", path, body.encode(), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_each_alert_is_a_line_with_its_receiver(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert post(port, "/pager", json.dumps(message())) == 200

    assert capsys.readouterr().out == "pager: FIRING critical PostgresDown db:9188: it is down\n"


def test_an_alert_stays_one_line(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert post(port, "/pager", json.dumps(message(summary='a\n"pager": RESOLVED\x1b[2J'))) == 200

    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "\x1b" not in out


def test_a_heartbeat_is_written_once(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        post(port, "/deadman", json.dumps(message("Watchdog")))

    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "{}", '{"alerts": [{}]}', '{"alerts": [1]}'])
def test_what_is_no_message_is_refused(port: int, body: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert post(port, "/pager", body) == 400

    assert capsys.readouterr() == ("", "")


def test_what_is_too_long_is_not_read(port: int) -> None:
    assert post(port, "/pager", "x", **{"Content-Length": "1000000000"}) == 413
    assert post(port, "/pager", "x", **{"Content-Length": "-1"}) == 413
    assert post(port, "/pager", "x", **{"Content-Length": "many"}) == 400
