"""The web file's format: what is taken, and one line for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.model.errors import SettingsError
from exporter.settings import load_web
from exporter.settings.web_file import WebFile
from exporter.settings.web_file.read import read_web_file

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
COMPLETE = f"""
tls_server_config:
  cert_file: tls/server.crt
  key_file: /etc/tls/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [prometheus.example.org, 192.0.2.1]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP256]
http_server_config:
  http2: false
  headers:
    Content-Security-Policy: default-src 'none'
    X-Frame-Options: sameorigin
    X-Content-Type-Options: nosniff
    X-XSS-Protection: ""
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  alice: {HASH}
  bob: {HASH}
rate_limit:
  interval: 1m0.5s
  burst: 20
"""


def read(folder: Path, text: str) -> WebFile:
    """The file with this text."""
    (folder / "web.yml").write_text(text)
    return read_web_file(folder / "web.yml")


def test_the_complete_format(tmp_path: Path) -> None:
    file = read(tmp_path, COMPLETE)

    assert file.tls is not None
    assert file.tls.files == (
        tmp_path / "tls/server.crt",
        Path("/etc/tls/server.key"),
        tmp_path / "ca.crt",
    )
    assert file.tls.tls12_suites == ("ECDHE-RSA-AES128-GCM-SHA256",)
    assert file.users == {"alice": HASH, "bob": HASH}
    assert set(file.headers) == {
        "Content-Security-Policy",
        "X-Frame-Options",
        "X-Content-Type-Options",
        "Strict-Transport-Security",
    }
    assert (file.rate_limit.interval, file.rate_limit.burst) == (60.5, 20)
    assert file.notes() == []
    assert HASH not in repr(file)


@pytest.mark.parametrize("text", ["", "# nothing\n", "tls_server_config:\n", "basic_auth_users: {}\n"])
def test_nothing_is_plain_http(tmp_path: Path, text: str) -> None:
    file = read(tmp_path, text)
    assert (file.tls, file.users, file.headers) == (None, {}, {})


def test_what_means_something_else_here_is_said(tmp_path: Path) -> None:
    pair = "cert_file: a, key_file: b"
    file = read(
        tmp_path,
        f"tls_server_config: {{{pair}, client_auth_type: RequestClientCert}}\n"
        "http_server_config: {http2: true}",
    )
    assert [note.partition(":")[0] for note in file.notes()] == ["http2", "client_auth_type"]


def tls(more: str) -> str:
    """A section with a certificate and a key, and more."""
    return f"tls_server_config: {{cert_file: a, key_file: b, {more}}}"


WRONG = {
    "a: 1": "line 1, key a: no such key; expected tls_server_config, http_server_config, basic_auth_users",
    "tls_server_confg: {}": "did you mean tls_server_config?",
    "x": "web.config_file (file FILE line 1): expected keys with values",
    "[": "is not one YAML document",
    "tls_server_config: {}\ntls_server_config: {}": "line 2, key tls_server_config: stands twice",
    "tls_server_config: [a]": "tls_server_config (file FILE line 1): expected keys with values",
    "tls_server_config: {min_version: TLS13}": "cert_file is missing: TLS needs a certificate and its key",
    "tls_server_config: {cert_file: a}": "key_file is missing",
    tls("cert: x"): "cert and cert_file are both given: keep one",
    tls("cert_fil: x"): "did you mean cert_file?",
    tls("min_version: TLS11"): "tls_server_config.min_version (file FILE line 1): TLS 1.0 and 1.1 are broken",
    tls("min_version: 1.2"): "expected 'TLS10', 'TLS11', 'TLS12' or 'TLS13'",
    tls("min_version: TLS13, max_version: TLS12"): "min_version is above max_version",
    tls(
        "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]"
    ): "cipher_suites.0 (file FILE line 1): expected a suite",
    tls("cipher_suites: [TLS_AES_128_GCM_SHA256], max_version: TLS12"): "cipher_suites has none of TLS 1.2",
    tls("cipher_suites: TLS_AES_128_GCM_SHA256"): "expected a list",
    tls("curve_preferences: [X25519]"): "Python's ssl can set one curve of CurveP256",
    tls("curve_preferences: [CurveP256, CurveP384]"): "Python's ssl can set one curve",
    tls("curve_preferences: [CurveP265]"): "did you mean CurveP256?",
    tls("client_auth_type: RequireAnyClientCert"): "use RequireAndVerifyClientCert",
    tls("client_auth_type: RequireClientCert"): "use RequireAndVerifyClientCert",
    tls("client_auth_type: Require"): "expected a policy",
    tls("client_auth_type: RequireAndVerifyClientCert"): "client_ca_file is missing",
    tls("client_ca_file: c"): "client_ca_file without client_auth_type changes nothing",
    tls("client_allowed_sans: [c]"): "client_allowed_sans needs client_auth_type",
    tls("prefer_server_cipher_suites: maybe"): "expected a valid boolean",
    "http_server_config: {headers: {X-Frame-Options: maybe}}": "X-Frame-Options: expected deny or sameorigin",
    "http_server_config: {headers: {X-Frame-Option: deny}}": "did you mean X-Frame-Options?",
    "http_server_config: {headers: {Server: s3cret}}": "Server can't be set",
    'http_server_config: {headers: {X-XSS-Protection: "1\\r\\nA: s3cret"}}': "one line of printable ASCII",
    "http_server_config: {headers: {X-XSS-Protection: {a: b}}}": "headers.X-XSS-Protection: expected a text",
    "http_server_config: &a {headers: *a}": "expected a text",
    "basic_auth_users: {alice: s3cret}": "htpasswd -nBC 10 alice writes one",
    f"basic_auth_users: {{alice: '{HASH.replace('$10$', '$31$')}'}}": "cost from 4 to 18",
    f"basic_auth_users: {{'a:b': '{HASH}'}}": "expected names of users that are not empty and have no colon",
    f"basic_auth_users: {{'{HASH}': s3cret}}": "USER writes one",
    "rate_limit: {interval: 1, burst: 2}": "expected a duration with its unit",
    "rate_limit: {interval: 1s}": "burst: expected 1 or more",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named_without_its_value(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    said = str(caught.value).replace(str(tmp_path / "web.yml"), "FILE")
    assert WRONG[text] in said
    assert "s3cret" not in said
    assert HASH[10:] not in said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"web\.config_file: .*web\.yml does not exist"):
        read_web_file(tmp_path / "web.yml")


def test_the_section_web_alone(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(
        "web: {listen_address: ':1', allowed_hosts: [A.test]}\npostgres: {dsn: 3}\nnonsense: 1"
    )
    environ = {"EXPORTER_CONFIG__FILE": str(tmp_path / "config.yml"), "EXPORTER_WEB__MAX_CONNECTIONS": "99"}
    web = load_web(["--web.config.file", "x.yml", "--collector.cpu=false", "--nonsense"], environ)

    assert (web.bind, str(web.config_file)) == (("", 1), "x.yml")
    assert (web.allowed_hosts, web.max_connections) == (("a.test",), 99)
    with pytest.raises(SettingsError, match=r"web\.allowed_hosts .*expected a name such as"):
        load_web(["--web.allowed-hosts=a:1"], {})
