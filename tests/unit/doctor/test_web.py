"""What `check` says of the web file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from exporter.doctor.web import examine

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"


def said(folder: Path, **content: object) -> str:
    """All findings as text."""
    (folder / "web.yml").write_text(json.dumps(content))
    return "\n".join(f"{finding.severity} {finding.what}" for finding in examine(folder / "web.yml"))


def test_the_web_file(tmp_path: Path) -> None:
    cert = trustme.CA().issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=3))
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).touch(0o600)
    (tmp_path / "cert.pem").write_bytes(cert.cert_chain_pems[0].bytes())
    (tmp_path / "key.pem").write_bytes(cert.private_key_pem.bytes())
    tls = {"cert_file": "cert.pem", "key_file": "key.pem"}

    assert examine(None) == []
    assert "TLS off, users: 0" in said(tmp_path)
    assert "no such key" in said(tmp_path, nonsense=1)
    assert "passwords without TLS" in said(tmp_path, basic_auth_users={"prom": HASH})
    text = said(tmp_path, tls_server_config=tls, http_server_config={"http2": True})
    assert "TLS on, users: 0" in text
    assert "HTTP/2 is not spoken" in text
    assert "the certificate ends on" in text
    assert "every user may read" not in text
    (tmp_path / "key.pem").chmod(0o644)
    assert "tls_server_config.key_file: every user may read" in said(tmp_path, tls_server_config=tls)
    assert "does not exist" in said(tmp_path, tls_server_config={**tls, "key_file": "nothing.pem"})
