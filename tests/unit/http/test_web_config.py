"""The web file in force: TLS, users, headers, limits, and what a change of the files does."""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from exporter.http import web_config
from exporter.http.tls import Material, server_context, shows_allowed_name
from exporter.model.errors import SettingsError
from exporter.settings.web_file.read import read_web_file
from tests.unit.http.conftest import SECRET, SECRET_HASH, Certificates, Serving

pytestmark = pytest.mark.usefixtures("at_once")

TLS = {"cert_file": "cert.pem", "key_file": "key.pem"}
MUTUAL = {**TLS, "client_ca_file": "ca.pem", "client_auth_type": "RequireAndVerifyClientCert"}
ASK = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n"
USER = b"Authorization: Basic " + b64encode(f"prom:{SECRET}".encode()) + b"\r\n"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are looked for at each request."""
    monkeypatch.setattr(web_config, "LOOK_SECONDS", 0.0)


def written(folder: Path, tls: dict[str, Any] | None = None, **sections: Any) -> Path:
    """A web file. JSON is YAML."""
    file = folder / "web.yml"
    (folder / "new").write_text(json.dumps({"tls_server_config": tls, **sections}))
    (folder / "new").replace(file)
    return file


def serial(context: ssl.SSLContext, port: int) -> int:
    """Which certificate a server shows now."""
    import socket

    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        cert = wrapped.getpeercert()
        assert cert is not None
        return int(str(cert["serialNumber"]), 16)


async def test_tls_and_nothing_else(serving: Serving, certificates: Certificates) -> None:
    async with serving(file=written(certificates.folder, TLS)) as running:
        context = certificates.client()
        assert (await running.ask(ASK % (b"/", b""), context)).endswith(b"hello")
        context.set_alpn_protocols(["h2", "http/1.1"])
        assert (await running.ask(ASK % (b"/", b""), context)).endswith(b"hello")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        assert (await running.ask(ASK % (b"/", b""), context)).endswith(b"hello")


async def test_handshakes_that_fail_are_counted_and_leave_no_place(
    serving: Serving, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.http.handshake.HANDSHAKE_SECONDS", 0.2)
    async with serving(file=written(certificates.folder, MUTUAL)) as running:
        with pytest.raises(ssl.SSLError, match="ALERT_CERTIFICATE_REQUIRED"):
            await running.ask(ASK % (b"/", b""), certificates.client())
        old = certificates.client()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"):
            await running.ask(ASK % (b"/", b""), old)
        for sent in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"):
            reader, writer = await running.connect(sent)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readexactly(4096), 5)
            writer.close()
        assert running.count("exporter_web_connections_closed_total", reason="handshake") == 5
        assert running.places.taken == 0
        assert (await running.ask(ASK % (b"/", b""), certificates.client(certificate=True))).endswith(
            b"hello"
        )


@pytest.mark.parametrize("name", ["prometheus.test", "192.0.2.1", "2001:db8::1", "other.test"])
async def test_a_client_needs_one_of_the_names(
    serving: Serving, certificates: Certificates, name: str
) -> None:
    file = written(certificates.folder, {**MUTUAL, "client_allowed_sans": [name]})
    async with serving(file=file) as running:
        context = certificates.client(certificate=True)
        try:
            said = await running.ask(ASK % (b"/", b""), context)
        except ConnectionError:
            said = b""
        assert said.endswith(b"hello") == (name != "other.test")


def test_names_of_a_certificate() -> None:
    certificate = {"subjectAltName": (("email", "a@b.test"), ("URI", "spiffe://x/y"), ("DNS", "c.test"))}
    for name in ("a@b.test", "spiffe://x/y", "c.test"):
        assert shows_allowed_name(certificate, [name])
    assert not shows_allowed_name(certificate, ["d.test", "*.test", ""])
    assert shows_allowed_name(None, ["d.test"]), "no certificate is for OpenSSL to refuse"


async def test_a_certificate_only_if_given(serving: Serving, certificates: Certificates) -> None:
    tls = {**MUTUAL, "client_auth_type": "VerifyClientCertIfGiven"}
    other = trustme.CA()
    async with serving(file=written(certificates.folder, tls)) as running:
        assert (await running.ask(ASK % (b"/", b""), certificates.client())).endswith(b"hello")
        context = certificates.client()
        other.issue_cert("prometheus.test").configure_cert(context)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await running.ask(ASK % (b"/", b""), context)


async def test_a_new_certificate_and_the_connections_that_are_there(
    serving: Serving, certificates: Certificates
) -> None:
    async with serving(file=written(certificates.folder, TLS)) as running:
        context = certificates.client()
        before = await asyncio.to_thread(serial, context, running.port)
        reader, writer = await running.connect(b"", context)
        key = (certificates.folder / "key.pem").read_bytes()
        certificates.renew()
        new_key = (certificates.folder / "key.pem").read_bytes()

        (certificates.folder / "key.pem").write_bytes(key)  # for a moment the two don't fit
        assert await asyncio.to_thread(serial, context, running.port) == before
        assert running.count("exporter_web_config_last_reload_successful") == 0
        (certificates.folder / "key.pem").write_bytes(new_key)
        assert await asyncio.to_thread(serial, context, running.port) != before
        assert running.count("exporter_web_config_last_reload_successful") == 1

        writer.write(ASK % (b"/", b""))
        assert (await reader.read()).endswith(b"hello")
        writer.close()


async def test_a_folder_that_is_turned_as_kubernetes_does(
    serving: Serving, certificates: Certificates, tmp_path: Path
) -> None:
    mount = tmp_path / "mount"
    for version in ("1", "2"):
        certificates.renew()
        (mount / version).mkdir(parents=True)
        for name in ("cert.pem", "key.pem"):
            (certificates.folder / name).rename(mount / version / name)
    (mount / "..data").symlink_to("1")
    for name in ("cert.pem", "key.pem"):
        (mount / name).symlink_to(f"..data/{name}")
    async with serving(file=written(mount, TLS)) as running:
        context = certificates.client()
        before = await asyncio.to_thread(serial, context, running.port)
        (mount / "..new").symlink_to("2")
        (mount / "..new").replace(mount / "..data")
        assert await asyncio.to_thread(serial, context, running.port) != before


async def test_what_is_bad_changes_nothing_and_is_said_once(
    serving: Serving, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = certificates.folder
    async with serving(file=written(folder, TLS)) as running:
        capsys.readouterr()
        (folder / "web.yml").write_text("tls_server_config: [")
        for _ in range(5):
            assert (await running.ask(ASK % (b"/", b""), certificates.client())).endswith(b"hello")
            (folder / "web.yml").touch()
        said = capsys.readouterr()
        assert (said.out + said.err).count("web configuration not changed") == 1
        (folder / "web.yml").unlink()
        assert (await running.ask(ASK % (b"/", b""), certificates.client())).endswith(b"hello")
        written(folder, None)
        assert (await running.ask(ASK % (b"/", b""))).endswith(b"hello"), "without TLS from now on"
        assert running.count("exporter_web_certificate_not_after_timestamp_seconds") == 0


async def test_users(serving: Serving, certificates: Certificates) -> None:
    file = written(certificates.folder, basic_auth_users={"prom": SECRET_HASH})
    async with serving(file=file) as running:
        refused = await running.ask(ASK % (b"/metrics", b""))
        assert refused.startswith(b"HTTP/1.1 401 ")
        assert b'www-authenticate: Basic realm="datastack-exporter"' in refused
        assert b" 401 " in await running.ask(ASK % (b"/", USER.replace(b"Basic ", b"Basic x")))
        assert b" 401 " in await running.ask(ASK % (b"/", USER + USER))
        assert b" 401 " in await running.ask(ASK % (b"/-/healthy/", b""))
        assert b" 401 " in await running.ask(ASK % (b"/api/v10", b""))
        for path in (b"/-/healthy", b"/-/ready", b"/api/v1", b"/api/v1/health"):
            assert (await running.ask(ASK % (path, b""))).endswith(b"hello"), path
        assert (await running.ask(ASK % (b"/", USER))).endswith(b"hello")
        assert running.count("exporter_web_unauthorized_requests_total") == 5

        written(certificates.folder, basic_auth_users={"other": SECRET_HASH})
        assert b" 401 " in await running.ask(ASK % (b"/", USER))


async def test_a_flood_is_told_to_wait(serving: Serving, tmp_path: Path) -> None:
    file = written(tmp_path, basic_auth_users={"prom": SECRET_HASH.replace("$04$", "$08$")})
    wrong = [b"Authorization: Basic " + b64encode(b"prom:%d" % n) + b"\r\n" for n in range(20)]
    async with serving(file=file) as running:
        said = await asyncio.gather(*(running.ask(ASK % (b"/", one)) for one in wrong))
        assert sum(b"HTTP/1.1 429 " in one and b"retry-after: 1" in one for one in said) >= 10
        assert sum(b"HTTP/1.1 401 " in one for one in said) >= 4
        assert (await running.ask(ASK % (b"/-/healthy", b""))).endswith(b"hello")


async def test_headers_and_rate(serving: Serving, tmp_path: Path) -> None:
    headers = {
        "X-Content-Type-Options": "",
        "Strict-Transport-Security": "max-age=9",
        "X-Frame-Options": "deny",
    }
    file = written(
        tmp_path, http_server_config={"headers": headers}, rate_limit={"interval": "1m", "burst": 2}
    )
    async with serving(file=file) as running:
        said = [await running.ask(ASK % (b"/", b"")) for _ in range(3)]
        for one in said:
            assert b"strict-transport-security: max-age=9\r\nx-frame-options: deny\r\n" in one
        assert [one.split()[1] for one in said] == [b"200", b"200", b"429"]
        assert (await running.ask(ASK % (b"/-/healthy", b""))).endswith(b"hello")


def test_the_end_of_a_certificate(certificates: Certificates) -> None:
    ends = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    for when in (ends, ends.replace(year=2071)):
        cert = certificates.ca.issue_cert("localhost", not_after=when)
        pem = b"".join(part.bytes() for part in cert.cert_chain_pems).decode()
        assert Material(pem, "").not_after() == when.timestamp()
    assert Material("nothing", "").not_after() is None
    assert Material("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "").not_after() is None


@pytest.mark.parametrize(
    ("more", "version", "suites"),
    [
        ({}, "TLSv1.2", {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"}),
        ({"cipher_suites": ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"]}, "TLSv1.2", {"ECDHE-RSA-AES128-SHA"}),
        ({"cipher_suites": ["TLS_AES_128_GCM_SHA256"]}, "TLSv1.3", set()),
        ({"min_version": "TLS13"}, "TLSv1.3", set()),
    ],
)
def test_versions_and_suites(
    certificates: Certificates, more: dict[str, Any], version: str, suites: set[str]
) -> None:
    tls = read_web_file(written(certificates.folder, {**TLS, **more})).tls
    assert tls is not None
    context = server_context(tls, Material.read(tls))
    assert context.minimum_version == ssl.TLSVersion[version.replace(".", "_")]
    assert suites <= {cipher["name"] for cipher in context.get_ciphers()}
    if more.get("cipher_suites") and suites:
        found = {c["name"] for c in context.get_ciphers() if c["protocol"] != "TLSv1.3"}
        assert found == suites


def test_inline_certificates(certificates: Certificates) -> None:
    texts = {name: (certificates.folder / f"{name}.pem").read_text() for name in ("cert", "key")}
    tls = read_web_file(written(certificates.folder, texts)).tls
    assert tls is not None
    server_context(tls, Material.read(tls))
    assert texts["key"] not in repr(tls) + repr(Material.read(tls))


def test_material_that_is_wrong(certificates: Certificates) -> None:
    folder = certificates.folder
    other = certificates.ca.issue_cert("localhost").private_key_pem.bytes()
    cases = {
        "the key is not the certificate's": {"key.pem": other},
        "expected a PEM chain": {"cert.pem": b"nonsense"},
        "has a passphrase": {"key.pem": b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"},
        "client_ca_file: expected PEM certificates": {"ca.pem": b"nonsense"},
        "is not UTF-8 text": {"cert.pem": b"\xff"},
    }
    tls = read_web_file(written(folder, MUTUAL)).tls
    assert tls is not None
    for text, files in cases.items():
        before = {name: (folder / name).read_bytes() for name in files}
        for name, content in files.items():
            (folder / name).write_bytes(content)
        with pytest.raises(SettingsError, match=text):
            server_context(tls, Material.read(tls))
        for name, content in before.items():
            (folder / name).write_bytes(content)
    (folder / "key.pem").unlink()
    with pytest.raises(SettingsError, match=r"tls_server_config\.key_file: .* does not exist"):
        Material.read(tls)
