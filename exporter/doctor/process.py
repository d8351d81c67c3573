"""What the process itself needs: the files that it writes, the web file, what the JSON API is made of."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from exporter.doctor import files, web
from exporter.doctor.finding import Finding, Notes
from exporter.model.errors import SettingsError
from exporter.settings import Settings
from exporter.settings.sections import Api
from exporter.slow_log.file import NAME

INSTALL = "pip install 'datastack-exporter[api]'"
MAKE = "(umask 077; openssl rand -hex 32 > {})"


def examine(settings: Settings) -> list[Finding]:
    """The findings about what a configuration has once, whatever its targets; nothing is written."""
    folder, api = settings.slow_queries.directory, settings.api
    log = None if folder is None else Path(folder, NAME)
    findings = files.written([("slow_queries.directory", log)]) + web.examine(settings.web.config_file)
    if not api.enabled:
        return findings
    findings += _keys(api)
    findings += files.examine([("api.jwt_secret_file", api.jwt_secret_file)])
    return [*findings, *files.written([("api.audit_file", api.audit_file)])]


def _keys(api: Api) -> list[Finding]:
    """Whether the API can be imported, and has keys to verify tokens with."""
    notes = Notes(files.TARGET)
    try:
        import exporter.http.api.app  # noqa: F401, PLC0415  needs the extra
        from exporter.http.api.keys import read_keys  # noqa: PLC0415
    except ModuleNotFoundError as error:
        notes.error(f"api.enabled: {error.name} is missing", INSTALL)
        return notes.findings
    try:
        keys = read_keys(api)
    except SettingsError as error:
        for finding in error.findings:
            notes.error(finding, *_remedy(api, finding))
    else:
        notes.ok(f"api.enabled: keys that tokens are verified with: {len(keys)}")
    return notes.findings


def _remedy(api: Api, finding: str) -> list[str]:
    """What makes a secret where one is missing; a file that holds something else is left as it is."""
    secret = api.jwt_secret_file
    if finding.startswith("api.enabled"):
        return ["# set api.jwt_secret_file or api.jwks_file"]
    if secret is None or not finding.startswith("api.jwt_secret_file"):
        return []
    if os.path.lexists(secret):
        return [f"# a file that the exporter's user may read, made by: {MAKE.format('FILE')}"]
    return [MAKE.format(shlex.quote(str(secret))), "# then give it to the exporter's user: chown USER FILE"]
