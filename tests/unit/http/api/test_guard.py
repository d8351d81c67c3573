"""Who gets in, and what those hear who do not: the same, whatever there is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from exporter.http.api import guard as module
from exporter.http.api.access import CHALLENGE, FOR_ADMINISTRATORS, Access
from exporter.http.api.guard import BODY_BYTES, PARALLEL, URL_BYTES, Guard
from exporter.http.api.problems import handle_errors
from tests.unit.http.api.asking import HANGS, SECRET, ask, bearing, options, token

THERE, GONE = "/api/v1/there", "/api/v1/gone"
(ADMINS,) = FOR_ADMINISTRATORS
HEALTH = "/api/v1/health"


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def for_admins(_request: Request) -> Response:
    return JSONResponse({"done": True})


async def failing(_request: Request) -> Response:
    raise RuntimeError(f"password {SECRET}")


async def endless(_request: Request) -> Response:
    async def pieces() -> Any:
        while True:
            yield b"x"
            await asyncio.sleep(0.001)

    return StreamingResponse(pieces())


APP = Starlette(
    routes=[
        Route(THERE, echo, methods=["GET", "POST"]),
        Route(HEALTH, echo, methods=["GET", "POST"]),
        Route(ADMINS, for_admins, methods=["POST"]),
        Route("/api/v1/failing", failing),
        Route("/api/v1/endless", endless),
    ]
)


handle_errors(APP)


class Guarded:
    """A guard with its rules, and what its audit log says."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self._file = folder / "audit.log"
        self.access = Access(options(folder, **changed))
        self.app = Guard(APP, lambda: self.access)

    @property
    def audited(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._file.read_text().splitlines()]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    made = Guarded(tmp_path)
    yield made
    made.access.audit.close()


NO_TOKEN: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": "Basic YWRtaW46YWRtaW4="},
    {"Authorization": "Bearer"},
    bearing("a.b.c"),
)


@pytest.mark.parametrize("headers", [*NO_TOKEN, bearing(token(key="x" * 40)), bearing(token(exp=1))])
async def test_who_has_no_token_learns_nothing(guarded: Guarded, headers: dict[str, str]) -> None:
    answers = [
        await ask(guarded.app, path, method, headers=headers, body=body)
        for path in (THERE, GONE, ADMINS, "/api/v1", "/api/v1/failing")
        for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "BREW")
        for body in ((), (b"{",))
    ]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers if answer.body}) == 1
    assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"].startswith(CHALLENGE)
    assert answers[0].headers["content-type"] == "application/problem+json"


async def test_who_has_no_role_learns_nothing(guarded: Guarded) -> None:
    for role in ("", "editor", ["admins"]):
        answers = [
            await ask(guarded.app, p, m, headers=bearing(token(role)))
            for p in (THERE, GONE, ADMINS)
            for m in ("GET", "POST")
        ]
        assert {(answer.status, answer.body) for answer in answers} == {(403, answers[0].body)}


async def test_two_headers_are_none(guarded: Guarded) -> None:
    twice = [("Authorization", f"Bearer {token()}")] * 2
    assert (await ask(guarded.app, THERE, headers=twice)).status == 401


async def test_who_has_a_role_gets_in(guarded: Guarded) -> None:
    for role in ("viewer", "admin"):
        headers = bearing(token(role))
        assert (await ask(guarded.app, THERE, headers=headers)).status == 200
        assert (await ask(guarded.app, GONE, headers=headers)).status == 404
    lower = {"authorization": f"bearer {token()}"}
    assert (await ask(guarded.app, THERE, headers=lower)).status == 200
    assert guarded.audited == []


async def test_health_needs_no_token_but_a_good_one_if_any(guarded: Guarded) -> None:
    assert (await ask(guarded.app, HEALTH)).status == 200
    assert (await ask(guarded.app, HEALTH, headers=bearing(token(None)))).status == 200
    assert (await ask(guarded.app, HEALTH, headers=bearing("a.b.c"))).status == 401
    assert (await ask(guarded.app, HEALTH + "/")).status == 401


async def test_all_answers_have_the_headers(guarded: Guarded) -> None:
    for headers in ({}, bearing(token())):
        for path in (THERE, GONE, "/api/v1/failing"):
            given = (await ask(guarded.app, path, headers=headers)).headers
            assert given["cache-control"] == "no-store"
            assert given["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in given["content-security-policy"]
            assert not [name for name in given if name.startswith("access-control")]


async def test_head_is_get_without_a_body(guarded: Guarded) -> None:
    headers = bearing(token())
    get, head = [await ask(guarded.app, GONE, method, headers=headers) for method in ("GET", "HEAD")]
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")


async def test_privileged_calls_are_audited_before_and_after(guarded: Guarded) -> None:
    answer = await ask(guarded.app, ADMINS, "POST", headers=bearing(token("admin")), query="x=secret")
    assert answer.status == 200
    begun, done = guarded.audited
    assert (begun["result"], done["result"], done["status"]) == ("begun", "done", 200)
    assert {k: done[k] for k in ("subject", "role", "client", "method", "path")} == {
        "subject": "alice",
        "role": "admin",
        "client": "192.0.2.1",
        "method": "POST",
        "path": ADMINS,
    }
    assert "secret" not in json.dumps(guarded.audited)


async def test_refused_calls_are_audited_without_their_token(guarded: Guarded) -> None:
    expired = token("admin", exp=time() - 60)
    for headers in ({}, bearing(expired), bearing(token("editor")), bearing(token("viewer"))):
        await ask(guarded.app, ADMINS, "POST", headers=headers)
    found = [(line["status"], line["subject"], line["reason"]) for line in guarded.audited]
    assert found == [
        (401, None, "no token"),
        (401, None, "expired"),
        (403, "alice", "no role"),
        (403, "alice", "role admin is needed"),
    ]
    assert {line["result"] for line in guarded.audited} == {"refused"}
    assert not any(part in json.dumps(guarded.audited) for part in expired.split("."))


async def test_without_an_audit_log_nothing_is_done(guarded: Guarded, tmp_path: Path) -> None:
    (tmp_path / "audit.log").unlink()
    (tmp_path / "audit.log").mkdir()
    answer = await ask(guarded.app, ADMINS, "POST", headers=bearing(token("admin")))
    assert answer.status == 503
    assert b"nothing was done" in answer.body


async def test_rates(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path, requests_per_minute=3)
    viewer, other = bearing(token()), bearing(token(sub="bob"))
    statuses = [(await ask(guarded.app, THERE, headers=viewer)).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    limited = await ask(guarded.app, GONE, headers=viewer)
    assert limited.status == 429
    assert 1 <= int(limited.headers["retry-after"]) <= 61
    assert (await ask(guarded.app, THERE, headers=other)).status == 200

    statuses = [(await ask(guarded.app, THERE)).status for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    assert (await ask(guarded.app, THERE, client="192.0.2.2")).status == 401
    # Behind the same address somebody with a token is let in, up to ten times as often.
    assert (await ask(guarded.app, THERE, headers=other)).status == 200
    for _ in range(30):
        await ask(guarded.app, THERE)
    assert (await ask(guarded.app, THERE, headers=bearing(token(sub="carol")))).status == 429
    assert len(guarded.audited) == 4  # what is too much is not written down
    guarded.access.audit.close()


async def test_a_failure_says_nothing(guarded: Guarded) -> None:
    with capture_logs() as lines:
        answer = await ask(guarded.app, "/api/v1/failing", headers=bearing(token()))
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.body.decode()
    assert b"Traceback" not in answer.body
    assert [line["event"] for line in lines] == ["API request failed"]


async def test_large_requests_are_refused(guarded: Guarded) -> None:
    headers = bearing(token())
    exact, more = b"x" * BODY_BYTES, b"x" * (BODY_BYTES + 1)
    declared = {"Content-Length": str(len(exact)), **headers}
    assert (await ask(guarded.app, THERE, "POST", headers=declared, body=[exact])).body == exact
    chunked = {"Transfer-Encoding": "chunked", **headers}
    assert (await ask(guarded.app, THERE, "POST", headers=chunked, body=[b"ab", b"c"])).body == b"abc"
    for given, body in (
        ({"Content-Length": str(len(more)), **headers}, [more]),
        ({"Content-Length": "9" * 5000, **headers}, [more]),
        ({"Content-Length": "x", **headers}, [more]),
        (chunked, [more]),
        (chunked, [exact, b"x"]),
    ):
        assert (await ask(guarded.app, THERE, "POST", headers=given, body=body)).status == 413
    assert (await ask(guarded.app, THERE, headers=headers, query="x" * URL_BYTES)).status == 414
    # Of who has no token nothing is read at all.
    assert (
        await ask(guarded.app, HEALTH, "POST", headers={"Content-Length": "1"}, body=[b"x"])
    ).status == 413


async def test_a_body_that_does_not_come(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.02)
    headers = {"Content-Length": "10", **bearing(token())}
    assert (await ask(guarded.app, THERE, "POST", headers=headers, body=[b"x", HANGS])).status == 408


async def test_a_bounded_number_at_a_time(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.2)
    headers = bearing(token())
    running = [
        asyncio.create_task(ask(guarded.app, "/api/v1/endless", headers=headers)) for _ in range(PARALLEL)
    ]
    await asyncio.sleep(0.05)
    busy = await ask(guarded.app, THERE, headers=headers)
    assert (busy.status, busy.headers["retry-after"]) == (503, "1")
    with capture_logs() as lines:
        ended = await asyncio.gather(*running)
    assert {answer.status for answer in ended} == {200}
    assert {line["event"] for line in lines} == {"API answer not taken in time"}
    assert (await ask(guarded.app, THERE, headers=headers)).status == 200


async def test_a_request_under_way_at_the_end(guarded: Guarded) -> None:
    async def waiting(*_: Any) -> None:
        await asyncio.Event().wait()

    app = Guard(waiting, lambda: guarded.access)
    task = asyncio.create_task(ask(app, THERE, headers=bearing(token())))
    await asyncio.sleep(0.01)
    task.cancel()
    answer = await task
    assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
