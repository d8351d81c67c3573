"""Gets a page over HTTP, in a thread that nobody waits for beyond the deadline."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from http.client import HTTPException
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from exporter import __version__
from exporter.model.deadline import Deadline

ACCEPT = "text/plain;version=0.0.4;q=1,*/*;q=0.1"
MAX_BYTES = 1 << 28
"""A page of 11,000 tables has 36 MB."""
CHUNK = 1 << 16


class FetchError(Exception):
    """There is no page: one sentence, which holds no secret of the address."""


class Address:
    """Where the other exporter's page is.

    Args:
        url: http or https, perhaps with `user:password@`.

    Attributes:
        shown: the same without user, password and query, for messages.

    Raises:
        ValueError: it is no such address; the message does not repeat it.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("expected an address like http://localhost:9187/metrics") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected an address like http://localhost:9187/metrics")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        netloc = host if port is None else f"{host}:{port}"
        plain = parts._replace(netloc=netloc, fragment="")
        self.shown = plain._replace(query="").geturl()
        self._url = plain.geturl()
        self._authorization = _basic(parts)

    def request(self) -> Request:
        """The request for the page. A redirect does not take the password along."""
        request = Request(  # noqa: S310  http or https, as checked above
            self._url, headers={"Accept": ACCEPT, "User-Agent": f"datastack-exporter/{__version__}"}
        )
        if self._authorization is not None:
            request.add_unredirected_header("Authorization", self._authorization)
        return request


def _basic(parts: SplitResult) -> str | None:
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


async def fetch(address: Address, deadline: Deadline) -> str:
    """The text of a page; bytes that are no UTF-8 are replaced.

    Raises:
        FetchError: it did not come in time, or something else came.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def settle(page: str | None, error: FetchError | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(page or "")

    def work() -> None:
        page, error = None, None
        try:
            page = _get(address, deadline)
        except FetchError as failed:
            error = failed
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, page, error)

    Thread(target=work, name="other page", daemon=True).start()
    done, _ = await asyncio.wait({answer}, timeout=deadline.left())
    if not done:
        answer.cancel()
        raise FetchError(f"{address.shown}: no page in time; more time: --timeout")
    return answer.result()


def _get(address: Address, deadline: Deadline) -> str:
    # No proxy: an exporter is next door, and the variables are meant for the outside.
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=ssl.create_default_context()))
    try:
        with opener.open(address.request(), timeout=max(0.001, deadline.left())) as answer:
            body = bytearray()
            while chunk := answer.read1(CHUNK):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise FetchError(f"{address.shown}: the page has more than {MAX_BYTES >> 20} MiB")
                if not deadline.left():
                    raise FetchError(f"{address.shown}: no page in time; more time: --timeout")
    except HTTPError as error:
        error.close()
        raise FetchError(f"{address.shown}: answered {error.code} {error.reason}") from None
    except URLError as error:
        raise FetchError(f"{address.shown}: can't be reached: {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise FetchError(f"{address.shown}: {str(error) or type(error).__name__}") from None
    return body.decode("utf-8", "replace")
