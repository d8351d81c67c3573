"""The application under /api/v1: FastAPI with its routes, behind the guard."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from fastapi import APIRouter, FastAPI, Security
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPBearer
from starlette.responses import JSONResponse, Response

from exporter import __version__
from exporter.http.api.access import Access
from exporter.http.api.data import Data
from exporter.http.api.guard import Guard
from exporter.http.api.problems import Problem, handle_errors
from exporter.http.api.routes import (
    export,
    health,
    insights,
    plans,
    postgres,
    redis,
    statistics,
    summary,
    system,
)
from exporter.http.served import Served
from exporter.settings.sections import Api as Options

PREFIX = "/api/v1"
TAGS = [
    {"name": "health", "description": "Whether all is well; needs no token."},
    {"name": "summary", "description": "The few figures that one looks at first."},
    {"name": "postgres", "description": "PostgreSQL servers."},
    {"name": "plans", "description": "How PostgreSQL would run statements."},
    {"name": "redis", "description": "Redis and Valkey servers, and groups of them."},
    {"name": "system", "description": "The host."},
    {"name": "export", "description": "Whole datasets as CSV, JSON or JSON Lines."},
    {"name": "administration", "description": "For the role admin alone; every call is audited."},
]
BEARER = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    description="A JSON Web Token with the role viewer or admin. It is verified before anything else.",
)


class Api:
    """The JSON API.

    Args:
        served: gives what is served now.
        options: the section `api` of the settings.

    Attributes:
        app: the application; its paths are whole ones, wherever it is mounted.

    Raises:
        SettingsError: a file with keys can't be read, or the audit file can't be written.
    """

    def __init__(self, served: Callable[[], Served], options: Options) -> None:
        self._access = Access(options)
        self.app = Guard(_application(Data(served)), lambda: self._access)

    def prepared(self, options: Options) -> Callable[[], None]:
        """Reads keys and opens the audit file again, also where the settings are the same.

        Returns:
            What puts them in force.

        Raises:
            SettingsError: as the constructor; nothing has changed.
        """
        access = Access(options, self._access.rates)

        def use() -> None:
            self._access.audit.close()
            self._access = access

        return use

    def close(self) -> None:
        """Ends what writes the audit log."""
        self._access.audit.close()


def _application(data: Data) -> FastAPI:
    app = FastAPI(
        title="datastack-exporter",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_tags=TAGS,
    )
    app.state.data = data
    handle_errors(app)
    app.include_router(health.router, prefix=PREFIX)
    routes = APIRouter(prefix=PREFIX, dependencies=[Security(BEARER)])
    for module in (summary, postgres, insights, plans, redis, system, export, statistics):
        routes.include_router(module.router)
    app.include_router(routes)
    described = lru_cache(partial(_described, app))  # it takes a moment: made when first asked for

    def openapi() -> Response:
        return JSONResponse(described())

    app.add_api_route(f"{PREFIX}/openapi.json", openapi, include_in_schema=False)
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: what FastAPI says, and what problems look like."""
    described: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        summary="PostgreSQL, Redis and the host, as JSON.",
        routes=app.routes,
        tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schemas = described["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    return described
