"""The web file: whether it can be read, and for how long its certificate is good."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from time import time

from exporter.doctor import files
from exporter.doctor.finding import Finding, Notes
from exporter.http.tls import Material, server_context
from exporter.model.errors import SettingsError
from exporter.settings.web_file.read import read_web_file

SOON_SECONDS = 14 * 86_400


def examine(path: Path | None) -> list[Finding]:
    """The findings about the file that `web.config_file` names; none where there is none."""
    if path is None:
        return []
    notes = Notes(files.TARGET)
    try:
        file = read_web_file(path)
        material = Material.read(file.tls) if file.tls is not None else None
        if file.tls is not None and material is not None:
            server_context(file.tls, material)
    except SettingsError as error:
        for finding in error.findings:
            notes.error(finding)
        return notes.findings
    notes.ok(f"web.config_file: TLS {'on' if material else 'off'}, users: {len(file.users)}")
    for note in file.notes():
        notes.advice(f"web.config_file: {note}")
    if file.users and material is None:
        notes.advice("web.config_file: passwords without TLS can be read by anybody on the way")
    ends = material.not_after() if material is not None else None
    if ends is not None and ends < time() + SOON_SECONDS:
        when = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%d %H:%M UTC")
        notes.advice(f"web.config_file: the certificate ends on {when}: renew it")
    key = file.tls.key_file if file.tls is not None else None
    return [*notes.findings, *files.examine([("tls_server_config.key_file", key)])]
