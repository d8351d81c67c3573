"""The named targets as Prometheus's HTTP service discovery reads them, so that no list is kept beside ours.

Names and constant labels only: where a target is, and how we log in, nobody learns here. What is listed is
what `/probe` answers, but for the top level, which is on the metrics page.

Source of the format: https://prometheus.io/docs/prometheus/latest/http_sd/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exporter.http.served import Served, Watched

PATH = "/discovery"
META = "__meta_datastack_"
"""How the labels begin: Prometheus drops them after relabelling, so none is on a series unless asked for."""
KINDS = ("postgres", "redis", "pgbouncer")


class Group(TypedDict):
    """One target with its labels: `targets` has its name, as a list of names in a file would."""

    targets: list[str]
    labels: dict[str, str]


def discovery_route(served: Callable[[], Served]) -> Route:
    """`GET /discovery`: what is configured now, as JSON; an empty list without targets."""

    async def discovery(_request: Request) -> Response:
        return JSONResponse(groups(served().targets))

    return Route(PATH, discovery, methods=["GET"])


def groups(targets: Mapping[str, Watched]) -> list[Group]:
    """A group for each target, in the order of the configuration."""
    return [Group(targets=[name], labels=_labels(watched)) for name, watched in targets.items()]


def _labels(watched: Watched) -> dict[str, str]:
    kinds = [kind for kind in KINDS if kind in watched.sources]
    # Commas on both sides, as other discoveries of Prometheus do: a regex need not care for the place.
    about = {"kinds": f",{','.join(kinds)},", "on_metrics": str(watched.on_metrics).lower()}
    about |= {f"label_{name}": value for name, value in watched.labels.items()}
    return {META + name: value for name, value in about.items()}
