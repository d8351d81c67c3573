"""Asks a server of the chain over HTTP: bounded in time and size, by no proxy, without redirects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPException
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
)

from exporter.doctor.comparison.fetch import Address
from exporter.model.deadline import Deadline

ANSWER_SECONDS = 10.0
"""For one answer, where the deadline leaves as much."""
MAX_BYTES = 1 << 26
CHUNK = 1 << 16


class ApiError(Exception):
    """There is no answer that could be used: one sentence without secrets.

    Attributes:
        status: of HTTP; None where nothing was answered.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """The HTTP API of one server.

    Args:
        base: its address, with the path that its own paths stand below, and perhaps with `user:password@`.
        deadline: until when all answers must be there.
        token: sent as `Authorization: Bearer`, in place of user and password.

    Attributes:
        shown: the address without secrets.
        deadline: as given.

    Raises:
        ValueError: `base` is no such address; the message does not repeat it.
    """

    def __init__(self, base: str, deadline: Deadline, token: str | None = None) -> None:
        self.shown = checked(base).shown.rstrip("/")
        self.deadline = deadline
        self._base = base.rstrip("/")
        self._token = token

    def json(self, path: str, **params: str) -> Any:
        """The document at a path.

        Raises:
            ApiError: it did not come in time, or something else came.
        """
        return self._document(self._ask(path, params))

    def text(self, path: str) -> str:
        """The page at a path; bytes that are no UTF-8 are replaced.

        Raises:
            ApiError: as for `json`.
        """
        return self._ask(path, {}).decode("utf-8", "replace")

    def post(self, path: str, document: Any) -> None:
        """Sends a document as JSON.

        Raises:
            ApiError: as for `json`.
        """
        self._ask(path, {}, json.dumps(document).encode())

    def _document(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            raise ApiError(
                f"{self.shown}: answers something that is no JSON; is the address right?"
            ) from None

    def _ask(self, path: str, params: Mapping[str, str], body: bytes | None = None) -> bytes:
        """One request in a thread, for whose name lookup alone there is no time limit."""
        query = f"?{urlencode(params)}" if params else ""
        request = Address(f"{self._base}{path}{query}").request()
        request.add_header("Accept", "application/json, */*;q=0.1")
        if self._token is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.data = body
            request.add_header("Content-Type", "application/json")
        deadline = self.deadline.at_most(ANSWER_SECONDS)
        said: list[bytes | ApiError] = []
        thread = Thread(target=lambda: said.append(self._answer(request, deadline)), daemon=True)
        thread.start()
        thread.join(deadline.left())
        if not said:
            raise ApiError(f"{self.shown}: no answer in time")
        if isinstance(said[0], ApiError):
            raise said[0]
        return said[0]

    def _answer(self, request: Request, deadline: Deadline) -> bytes | ApiError:
        try:
            with _opener().open(request, timeout=max(0.001, deadline.left())) as answer:
                body = bytearray()
                while chunk := answer.read1(CHUNK):
                    body += chunk
                    if len(body) > MAX_BYTES:
                        return ApiError(f"{self.shown}: answers more than {MAX_BYTES >> 20} MiB")
                    if not deadline.left():
                        return ApiError(f"{self.shown}: no answer in time")
        except HTTPError as error:
            error.close()
            return ApiError(f"{self.shown}: {_refusal(error)}", error.code)
        except URLError as error:
            return ApiError(f"{self.shown}: can't be reached: {error.reason}")
        except (OSError, HTTPException, ValueError) as error:
            return ApiError(f"{self.shown}: {str(error) or type(error).__name__}")
        return bytes(body)


def checked(base: str) -> Address:
    """The address of an API.

    Raises:
        ValueError: it is none; the message does not repeat it.
    """
    if "?" in base or "#" in base:
        raise ValueError("expected an address like http://localhost:9090, without ? and #")
    try:
        return Address(base)
    except ValueError:
        raise ValueError("expected an address like http://localhost:9090") from None


def _refusal(error: HTTPError) -> str:
    if 300 <= error.code < 400:
        return f"answered {error.code}: it stands elsewhere; give that address"
    if error.code == 401:
        return "answered 401: user and password are missing or wrong"
    return f"answered {error.code} {error.reason}"


def _opener() -> OpenerDirector:
    """Without redirects, for credentials are for the address that was given, and without proxies."""
    opener = OpenerDirector()
    for handler in (HTTPHandler(), HTTPSHandler(), HTTPDefaultErrorHandler(), HTTPErrorProcessor()):
        opener.add_handler(handler)
    return opener
