"""A client of Prometheus's HTTP API, as much of it as a dashboard asks.

Source: https://prometheus.io/docs/prometheus/2.42/querying/api/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT = 30.0


class QueryError(Exception):
    """What Prometheus says is wrong with a query."""


class Prometheus:
    """A Prometheus at an `http://` address."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)

    def at(self, expr: str, moment: float) -> Any:
        """The answer of an instant query: `resultType` and `result`.

        Raises:
            QueryError: the query is wrong, or failed.
        """
        return self._ask("query", {"query": expr, "time": str(moment)})

    def over(self, expr: str, start: float, end: float, step: float) -> Any:
        """The answer of a range query, times in seconds.

        Raises:
            QueryError: the query is wrong, or failed.
        """
        times = {"start": str(start), "end": str(end), "step": str(step)}
        return self._ask("query_range", {"query": expr, **times})

    def values(self, label: str, match: str, start: float, end: float) -> list[str]:
        """The values that a label has in the series that match, sorted.

        Raises:
            QueryError: the selector is wrong.
        """
        asked = {"start": str(start), "end": str(end), **({"match[]": match} if match else {})}
        found: list[str] = self._ask(f"label/{label}/values?{urlencode(asked)}", None)
        return found

    def _ask(self, path: str, form: Mapping[str, str] | None) -> Any:
        connection = HTTPConnection(self._address.hostname or "", self._address.port or 80, timeout=TIMEOUT)
        try:
            kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            body = urlencode(form) if form else None
            url = f"{self._address.path.rstrip('/')}/api/v1/{path}"
            connection.request("POST" if form else "GET", url, body, kind)
            said = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if said["status"] != "success":
            raise QueryError(said["error"])
        return said["data"]
