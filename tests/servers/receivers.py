"""What Alertmanager notifies, as fakes on loopback: Slack, PagerDuty, a mail server and webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from time import monotonic
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from exporter.demo.process import LOOPBACK, free_port

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
SMTP_PASSWORD = "let-me-send"
DEADMAN_TOKEN = "still-alive"
SLACK = ("critical", "warning", "info", "business")


@dataclass(frozen=True, slots=True)
class Notification:
    """One that was taken.

    Attributes:
        receiver: `slack-critical`, `pagerduty`, `email`, `deadman`, `alert-log`: the end of its address.
        body: what was sent: Slack's and PagerDuty's and a webhook's JSON, and `subject`, `to`, `from`, `text`
            and `html` of a mail.
        at: when, by `time.monotonic()`.
    """

    receiver: str
    body: Mapping[str, Any]
    at: float

    @property
    def text(self) -> str:
        """All of the body in one string, to look for words in."""
        return json.dumps(self.body, ensure_ascii=False)


class Receivers:
    """The fakes. A context manager; they are as strict as the real ones about keys and passwords.

    A wrong Slack address gets 404, a wrong routing key 400, a wrong token 401, a wrong SMTP password 535.
    """

    def __init__(self) -> None:
        self._taken: list[Notification] = []
        self._changed = Condition()
        self._http = _Server((LOOPBACK, 0), self)
        self._thread = Thread(target=self._http.serve_forever, args=(0.05,), name="receivers", daemon=True)
        self._smtp = Controller(
            _Mailbox(self),
            hostname=LOOPBACK,
            port=free_port(),
            authenticator=_authenticate,
            auth_require_tls=False,
            auth_exclude_mechanism=["LOGIN"],  # Alertmanager waits for other words than aiosmtpd's
        )

    @property
    def url(self) -> str:
        """The address of the HTTP fakes; `/slack-warning`, `/pagerduty`, `/deadman`, ... stand below it."""
        return f"http://{LOOPBACK}:{self._http.server_port}"

    @property
    def smarthost(self) -> str:
        """The mail server's address, as `smtp_smarthost` wants it. It has no TLS."""
        return f"{LOOPBACK}:{self._smtp.port}"

    def secrets(self) -> dict[str, str]:
        """The right content of each secret file, by its name below /run/secrets."""
        slack = {f"slack_{name}_url": f"{self.url}/slack-{name}" for name in SLACK}
        return {
            **slack,
            "pagerduty_routing_key": ROUTING_KEY,
            "smtp_password": SMTP_PASSWORD,
            "deadman_token": DEADMAN_TOKEN,
        }

    def taken(self, receiver: str = "", containing: str = "") -> list[Notification]:
        """What came so far, oldest first: of one receiver, or with these words in it."""
        with self._changed:
            return [n for n in self._taken if receiver in ("", n.receiver) and containing in n.text]

    def wait_for(
        self,
        receiver: str,
        containing: str = "",
        *,
        where: Callable[[Notification], bool] = lambda _: True,
        seconds: float = 15.0,
    ) -> Notification:
        """The first notification to a receiver with these words, for which `where` holds.

        Raises:
            AssertionError: there is none after `seconds`; it says what came instead.
        """
        end = monotonic() + seconds
        with self._changed:
            while True:
                if found := next(filter(where, self.taken(receiver, containing)), None):
                    return found
                if not self._changed.wait(end - monotonic()):
                    came = "\n".join(f"{n.receiver}: {n.text[:120]}" for n in self._taken) or "nothing"
                    wanted = f"{containing!r} at {receiver}"
                    raise AssertionError(f"no {wanted} after {seconds} s; there came:\n{came}")

    def forget(self) -> None:
        """Empties the boxes."""
        with self._changed:
            self._taken.clear()

    def take(self, receiver: str, body: Mapping[str, Any]) -> None:
        """Puts a notification into the boxes: what the fakes call."""
        with self._changed:
            self._taken.append(Notification(receiver, body, monotonic()))
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self._smtp.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._smtp.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], receivers: Receivers) -> None:
        super().__init__(address, _Handler)
        self.receivers = receivers


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Takes a notification, or refuses it as the real receiver would."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        receiver = self.path.removeprefix("/")
        status, said = self._judge(receiver, body)
        if status < 300:
            self.server.receivers.take(receiver, body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _judge(self, receiver: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        if receiver.startswith("slack-"):
            known = receiver.removeprefix("slack-") in SLACK
            return (200, b"ok") if known else (404, b"no_service")
        if receiver == "pagerduty":
            if body["routing_key"] == ROUTING_KEY:
                return 202, b'{"status":"success","message":"Event processed"}'
            return 400, b'{"status":"invalid event","errors":["Invalid routing key"]}'
        if receiver == "deadman" and self.headers["Authorization"] != f"Bearer {DEADMAN_TOKEN}":
            return 401, b""
        return (200, b"") if receiver in ("deadman", "alert-log") else (404, b"")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the boxes tell all."""


class _Mailbox:
    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers

    async def handle_MAIL(
        self, _server: object, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes a sender who has logged in."""
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:
        """Takes a mail apart."""
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        parts = {kind: mail.get_body((kind,)) for kind in ("plain", "html")}
        body = {
            "subject": str(mail["Subject"]),
            "from": envelope.mail_from,
            "to": list(envelope.rcpt_tos),
            "text": parts["plain"].get_content() if parts["plain"] else "",
            "html": parts["html"].get_content() if parts["html"] else "",
        }
        self._receivers.take("email", body)
        return "250 OK"


def _authenticate(_server: object, _session: object, _envelope: object, _by: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and data.password == SMTP_PASSWORD.encode()
    return AuthResult(success=right, handled=False)
