"""HTTP requests to servers under test, and reading what an exporter's page says."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from exporter.demo.process import LOOPBACK

Labels = frozenset[tuple[str, str]]
Params = Mapping[str, str | Sequence[str]]
TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: any status is an answer, not an exception."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def request(
    port: int,
    path: str,
    *,
    method: str = "GET",
    params: Params | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 30.0,
) -> Answer:
    """One request to 127.0.0.1 on a connection of its own; the header names come back in lower case.

    Raises:
        OSError: there is no answer within `timeout` seconds between two bytes.
    """
    query = f"?{urlencode(params, doseq=True)}" if params else ""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout)
    try:
        connection.request(method, path + query, body, dict(headers or {}))
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, answer.read())
    finally:
        connection.close()


class Page:
    """An exporter's `/metrics`, whoever serves it."""

    port: int

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{LOOPBACK}:{self.port}/metrics"

    def get(
        self,
        path: str = "/metrics",
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Answer:
        """A GET with all that came back."""
        return request(self.port, path, params=params, headers=headers, timeout=timeout)

    def scrape(self, params: Params | None = None, timeout_header: float | None = None) -> str:
        """The text of the page, as Prometheus would fetch it.

        Args:
            params: the query: `{"collect[]": ["postgres"]}`.
            timeout_header: what Prometheus would say of its scrape timeout, in seconds.
        """
        headers = {} if timeout_header is None else {TIMEOUT_HEADER: str(timeout_header)}
        answer = self.get(params=params, headers=headers)
        assert answer.status == 200, f"{self.url} answered {answer.status}: {answer.text[:500]}"
        return answer.text

    def parsed(self, params: Params | None = None) -> dict[str, Metric]:
        """The families of the page by name, as prometheus_client reads them (a counter's `_total` is off)."""
        return {family.name: family for family in text_string_to_metric_families(self.scrape(params))}

    def samples(self, params: Params | None = None) -> dict[str, dict[Labels, float]]:
        """The values of the page: sample name -> labels -> value."""
        return samples_of(self.scrape(params))


def samples_of(text: str) -> dict[str, dict[Labels, float]]:
    """A page's samples: name as written -> labels -> value.

    The parser adds `_total` to counters that lack it; without TYPE lines it has no reason to.
    """
    found: dict[str, dict[Labels, float]] = {}
    for line in text.split("\n"):
        if line and not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            name, labels = series_of(series)
            found.setdefault(name, {})[labels] = int(value) if value.lstrip("-").isdigit() else float(value)
    return found


@lru_cache(maxsize=50_000)
def series_of(text: str) -> tuple[str, Labels]:
    """Name and labels of a line, as prometheus_client reads them. They come again with each scrape."""
    (sample,) = (s for family in text_string_to_metric_families(f"{text} 0\n") for s in family.samples)
    assert sample.timestamp is None, text
    return sample.name, frozenset(sample.labels.items())
