"""Requests to an ASGI application without a server, and tokens for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

import jwt
from starlette.types import ASGIApp, Message

from exporter.settings.sections import Api as Options

HANGS = b"from here on nothing comes"
SECRET = "the secret that no answer may hold: 0123456789"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def options(folder: Path, **changed: Any) -> Options:
    """Settings with a secret in a file and an audit log."""
    secret = folder / "secret"
    secret.write_text(SECRET + "\n")
    return Options(**{"jwt_secret_file": secret, "audit_file": folder / "audit.log", **changed})


def token(role: object = "viewer", *, key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token that is accepted, but for what is given; a claim that is None is left out."""
    all_claims = {"sub": "alice", "exp": time() + 3600, "roles": role, **claims}
    known = {name: value for name, value in all_claims.items() if value is not None}
    return jwt.encode(known, key, algorithm)


def bearing(given: str) -> dict[str, str]:
    """The header with a token."""
    return {"Authorization": f"Bearer {given}"}


async def ask(
    app: ASGIApp,
    path: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    query: str = "",
    body: Sequence[bytes] = (),
    client: str = "192.0.2.1",
) -> Answer:
    """One request; its body comes in these parts."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in pairs],
        "client": (client, 1),
        "server": ("test", 80),
    }
    waiting = [
        {"type": "http.request", "body": part, "more_body": place < len(body) - 1}
        for place, part in enumerate(body or (b"",))
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        if not waiting or waiting[0]["body"] is HANGS:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    given = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], given, b"".join(m.get("body", b"") for m in rest))
