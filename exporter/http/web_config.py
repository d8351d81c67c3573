"""The web file in force: read at the start, and again whenever it or a file that it names has changed.

Changes are looked for when a connection or a request comes, once a second at most; SIGHUP and
`POST /-/reload` look at once. What is bad changes nothing. So a certificate and a key that are replaced one
after the other are taken when both are there, and a link that Kubernetes or cert-manager turns is seen like a
new file.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time

from exporter.http.own import OwnMetrics
from exporter.http.passwords import Passwords
from exporter.http.rate import Bucket
from exporter.http.tls import Material, server_context
from exporter.log import get_logger
from exporter.model.errors import SettingsError
from exporter.settings.web_file import Tls, WebFile

log = get_logger("exporter.http")

LOOK_SECONDS = 1.0
"""How old may be what is known of the files."""

Seen = Mapping[Path, tuple[int, ...] | None]
"""File -> what tells that it is another one; None for one that is not there."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What new connections and requests go by.

    Attributes:
        file: what the web file said.
        material: certificate and key; None for plain HTTP.
        context: of TLS; None for plain HTTP.
        passwords: of the users; None if there are none.
        bucket: of the rate limit; None if there is none.
        headers: for each answer, in small letters.
    """

    file: WebFile
    material: Material | None = None
    context: ssl.SSLContext | None = None
    passwords: Passwords | None = None
    bucket: Bucket | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def tls(self) -> Tls | None:
        """The section for TLS."""
        return self.file.tls


class WebConfig:
    """Keeps the web file in force.

    Args:
        path: the file; None for plain HTTP without users.
        own: the process's own metrics.

    Raises:
        SettingsError: the file is bad.
    """

    def __init__(self, path: Path | None, own: OwnMetrics) -> None:
        self._path = path
        self._own = own
        self._in_force = InForce(WebFile())
        self._seen: Seen = {}
        self._looked_at = monotonic()
        self._failed: tuple[str, ...] = ()
        if path is not None:
            self.reload()

    @property
    def now(self) -> InForce:
        """What is in force; looks for changes if that was a while ago."""
        if self._path is not None and monotonic() >= self._looked_at + LOOK_SECONDS:
            self._looked_at = monotonic()
            if _seen(self._seen) != self._seen:
                self._reload_quietly()
        return self._in_force

    def _reload_quietly(self) -> None:
        try:
            self.reload()
        except SettingsError:
            return  # logged and counted there

    def reload(self) -> None:
        """Reads everything again; what is bad changes nothing.

        Raises:
            SettingsError: it is bad; the metric says so, and the log if it is something new.
        """
        if self._path is None:
            return
        try:
            self._in_force = self._read(self._path)
        except SettingsError as error:
            self._own.web.failed()
            if error.findings != self._failed:
                self._failed = error.findings
                log.error("web configuration not changed", findings=list(error.findings))  # noqa: TRY400
            raise
        self._failed = ()

    def _read(self, path: Path) -> InForce:
        """What the files say now. Their state is noted before they are read, so that no change is lost."""
        from exporter.settings.web_file.read import read_web_file  # noqa: PLC0415  # YAML, where there is a file

        self._seen = _seen([path])
        file = read_web_file(path)
        self._seen = {**self._seen, **_seen(file.tls.files if file.tls is not None else ())}
        before = self._in_force
        material = Material.read(file.tls) if file.tls is not None else None
        same = before.context is not None and (file, material) == (before.file, before.material)
        made = before if same else self._made(file, material)
        self._own.web.loaded(time(), made.material.not_after() if made.material is not None else None)
        if made != before:
            log.info(
                "web configuration loaded", tls=made.context is not None, users=len(file.basic_auth_users)
            )
            for note in file.notes():
                log.warning("web configuration", note=note)
        return made

    def _made(self, file: WebFile, material: Material | None) -> InForce:
        before, limit = self._in_force, file.rate_limit
        same_limit = limit == before.file.rate_limit
        context = None
        if file.tls is not None and material is not None:
            same_tls = (file.tls, material) == (before.tls, before.material)
            context = before.context if same_tls else server_context(file.tls, material)
        return InForce(
            file,
            material,
            context,
            self._passwords(file.users),
            before.bucket if same_limit else Bucket.of(limit.interval, limit.burst),
            tuple((name.lower().encode(), value.encode()) for name, value in file.headers.items()),
        )

    def _passwords(self, users: Mapping[str, str]) -> Passwords | None:
        before = self._in_force.passwords
        if before is not None and users == before.users:
            return before
        if not users:
            return None
        try:
            return Passwords(users) if before is None else before.followed_by(users)
        except ModuleNotFoundError:
            raise SettingsError(["basic_auth_users: bcrypt is missing: pip install bcrypt"]) from None

    def close(self) -> None:
        """Ends the thread that tries passwords."""
        if self._in_force.passwords is not None:
            self._in_force.passwords.close()


def _seen(paths: Iterable[Path]) -> Seen:
    return {path: _mark(path) for path in paths}


def _mark(path: Path) -> tuple[int, ...] | None:
    """What tells one state of a file from the next: a link's target counts, not the link."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
