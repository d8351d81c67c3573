"""The daemon behind TLS and passwords: a real Prometheus, certificates that change, the health check."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any

import bcrypt
import pytest
import trustme

from exporter.cli import main
from exporter.cli.healthcheck import run_quickly
from tests.servers import Exporter, Prometheus, require
from tests.servers.page import samples_of

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("web_tls")]

PASSWORD = "correct horse"
MUTUAL = {"client_ca_file": "ca.pem", "client_auth_type": "RequireAndVerifyClientCert"}
NAMES = {**MUTUAL, "client_allowed_sans": ["prometheus.test"]}


@dataclass
class Web:
    """A daemon with its web file, and who may ask it."""

    folder: Path
    ca: trustme.CA = field(default_factory=trustme.CA)

    def __post_init__(self) -> None:
        self.hash = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
        self.ca.cert_pem.write_to_path(self.folder / "ca.pem")
        client = self.ca.issue_cert("prometheus.test")
        client.private_key_and_cert_chain_pem.write_to_path(self.folder / "client.pem")
        self.turn("first")
        for name in ("cert.pem", "key.pem"):
            (self.folder / name).symlink_to(f"..data/{name}")
        env = {"EXPORTER_WEB__CONFIG_FILE": str(self.folder / "web.yml")}
        self.write(**MUTUAL)
        self.exporter = Exporter(env=env)
        self.exporter.process.ready = ""  # it is no plain HTTP

    def certificate(self, folder: Path) -> None:
        """A new certificate with a new key, in two files."""
        cert = self.ca.issue_cert("localhost", "127.0.0.1")
        (folder / "key.pem").write_bytes(cert.private_key_pem.bytes())
        (folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in cert.cert_chain_pems))

    def turn(self, name: str) -> None:
        """Turns the link to a folder with a new certificate, as Kubernetes does."""
        (self.folder / name).mkdir()
        self.certificate(self.folder / name)
        (self.folder / "..new").symlink_to(name)
        (self.folder / "..new").replace(self.folder / "..data")

    def write(self, **tls: Any) -> None:
        """The web file."""
        section = {"cert_file": "cert.pem", "key_file": "key.pem", **tls}
        content = {"tls_server_config": section, "basic_auth_users": {"prom": self.hash}}
        (self.folder / "web.new").write_text(json.dumps(content))
        (self.folder / "web.new").replace(self.folder / "web.yml")

    def context(self) -> ssl.SSLContext:
        """A client's, with its certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        context.load_cert_chain(self.folder / "client.pem")
        return context

    def ask(self, path: str = "/metrics", password: str = PASSWORD, method: str = "GET") -> tuple[int, str]:
        """Status and text of an answer, on a connection of its own."""
        port = self.exporter.port
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=self.context())
        try:
            token = b64encode(f"prom:{password}".encode()).decode()
            connection.request(method, path, headers={"Authorization": f"Basic {token}"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def value(self, name: str) -> float:
        """One sample without labels."""
        (value,) = samples_of(self.ask()[1])[name].values()
        return value

    @property
    def loads(self) -> int:
        """How often the files were taken."""
        return self.exporter.log.count('event="web configuration loaded"')

    def wait_for_loads(self, many: int) -> None:
        """Waits until the files were taken so often: they are looked at once a second."""
        end = monotonic() + 10
        while self.loads < many:
            assert monotonic() < end
            sleep(0.02)

    def check(self, *arguments: str, **env: str) -> tuple[int, str]:
        """`datastack-exporter healthcheck` with the daemon's own variables: exit code and what it says."""
        said = StringIO()
        with redirect_stdout(said):
            code = run_quickly(arguments, {**self.exporter.process.environment(), **env})
        return code, said.getvalue()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    web = Web(tmp_path_factory.mktemp("web"))
    with web.exporter:
        yield web


def test_a_prometheus_scrapes_while_certificates_change(web: Web) -> None:
    """Links that turn, and two files written one after the other: no scrape fails, old connection or new."""
    folder = web.folder
    job = {
        "job_name": "node",
        "scheme": "https",
        "scrape_interval": "250ms",
        "scrape_timeout": "250ms",
        "params": {"collect[]": ["loadavg"]},
        "basic_auth": {"username": "prom", "password": PASSWORD},
        "tls_config": {
            "ca_file": str(folder / "ca.pem"),
            "cert_file": str(folder / "client.pem"),
            "key_file": str(folder / "client.pem"),
        },
        "static_configs": [{"targets": [f"127.0.0.1:{web.exporter.port}"]}],
    }
    done = Event()

    def hammer() -> list[int]:
        found = []
        while not done.is_set():
            found.append(web.ask("/metrics?collect[]=loadavg")[0])
        return found

    ends = web.value("exporter_web_certificate_not_after_timestamp_seconds")
    assert ends > 2**31
    with require(Prometheus, {"scrape_configs": [job]}) as prometheus, ThreadPoolExecutor(2) as clients:
        prometheus.wait_for('up{job="node"} == 1')
        results = [clients.submit(hammer) for _ in range(2)]
        loads = web.loads
        web.turn("second")
        web.wait_for_loads(loads + 1)
        web.certificate(folder / "second")
        web.wait_for_loads(loads + 2)
        done.set()
        statuses = [status for result in results for status in result.result()]
        prometheus.wait_for('node_load1{job="node"} and on () count_over_time(up[20s]) > 8')
        assert not prometheus.query('min_over_time(up{job="node"}[1m]) == 0')
    assert len(statuses) > 20
    assert set(statuses) == {200}


def test_who_may_ask(web: Web) -> None:
    assert web.ask()[0] == 200
    assert web.ask(password="wrong")[0] == 401
    assert web.ask("/-/healthy", password="wrong")[0] == 200
    assert web.ask("/-/reload", password="wrong", method="POST")[0] == 401
    assert PASSWORD not in web.exporter.log
    assert web.hash not in web.exporter.log


def test_a_bad_file_is_named_and_changes_nothing(web: Web) -> None:
    web.write(min_version="TLS9")
    status, text = web.ask("/-/reload", method="POST")
    assert (status, "tls_server_config.min_version" in text) == (500, True)
    assert web.value("exporter_web_config_last_reload_successful") == 0
    web.write(**NAMES)
    os.kill(web.exporter.pid, signal.SIGHUP)
    end = monotonic() + 5
    while web.value("exporter_web_config_last_reload_successful") == 0:
        assert monotonic() < end
    web.write(**MUTUAL)


def test_the_health_check(web: Web, tmp_path: Path) -> None:
    lives = (0, "healthy: it wants a client certificate, which this check has not\n")
    assert web.check() == lives
    web.write(max_version="TLS12", **MUTUAL)
    web.ask("/-/reload", method="POST")
    assert web.check() == lives
    web.write()
    web.ask("/-/reload", method="POST")
    assert web.check() == (0, "healthy\n")
    code, text = web.check(EXPORTER_WEB__CONFIG_FILE="")
    assert (code, text.count("\n")) == (1, 1), "http where https is spoken"
    (tmp_path / "bad.yml").write_text("[")
    assert web.check("--web.config.file", str(tmp_path / "bad.yml"))[0] == 0, "it tries both"
    web.write(**MUTUAL)
    web.ask("/-/reload", method="POST")


def test_the_health_check_of_what_hangs(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.http.asking.SECONDS", 0.3)
    os.kill(web.exporter.pid, signal.SIGSTOP)
    try:
        found = web.check()
    finally:
        os.kill(web.exporter.pid, signal.SIGCONT)
    assert found == (1, f"not healthy: 127.0.0.1:{web.exporter.port}: no answer within 0.3 s\n")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", ":1", "0.0.0.0:1", "name.invalid:1", ":0"])
def test_the_health_check_of_what_is_not_there(web: Web, address: str) -> None:
    code, text = web.check(f"--web.listen-address={address}")
    assert (code, text.count("\n")) == (1, 1)
    assert text.startswith(f"not healthy: {address}: " if address != ":0" else "not asked: ")


@pytest.mark.parametrize("address", ["0.0.0.0", "", "localhost"])
def test_the_health_check_of_one_that_listens_everywhere(web: Web, address: str) -> None:
    assert web.check(f"--web.listen-address={address}:{web.exporter.port}")[0] == 0


def test_the_health_check_as_a_command(web: Web) -> None:
    line = [sys.executable, "-m", "exporter", "healthcheck"]
    env = {**os.environ, **web.exporter.process.environment()}
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout[:9], done.stderr) == (0, "healthy: ", "")


def test_the_health_check_with_wrong_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["healthcheck", "--web.listen-address=nonsense"]) == 2
    assert "web.listen_address" in capsys.readouterr().err


def test_a_bad_file_ends_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: cert.pem, key_file: key.pem}")
    assert main(["serve", "--web.config.file", str(tmp_path / "web.yml")]) == 2
    said = capsys.readouterr().err
    assert f"tls_server_config.cert_file: {tmp_path}/cert.pem does not exist" in said
    assert "Traceback" not in said
