"""Errors as `application/problem+json`: RFC 9457, https://www.rfc-editor.org/rfc/rfc9457.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exporter.model.errors import DeadlineExceeded, ExporterError, Reason, Refused, SourceError, Unavailable

MEDIA_TYPE = "application/problem+json"
COMMON = (400, 401, 403, 404, 413, 414, 422, 429, 500, 503)
"""What any route may answer."""
OF_SOURCES = {
    Unavailable: (503, "the server can't be reached"),
    DeadlineExceeded: (504, "the server took too long"),
    Refused: (502, "the server answered no"),
}


class ParameterError(BaseModel):
    """What is wrong with one part of a request."""

    location: str = Field(examples=["query.limit"], description="Where it stands.")
    message: str = Field(description="What is expected there.")


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(default="about:blank", description="Always about:blank: the status says it all.")
    title: str = Field(examples=["Not Found"], description="The status in words.")
    status: int = Field(examples=[404], ge=400, le=599, description="The HTTP status.")
    detail: str = Field(examples=["no target has this name"], description="What is wrong, a sentence.")
    errors: list[ParameterError] | None = Field(
        default=None, description="Each part of the request that is wrong."
    )


class ApiError(Exception):
    """An answer that is a problem.

    Args:
        status: of HTTP.
        detail: a sentence for the caller, without a secret.
        headers: more headers of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        return problem(self.status, self.detail, headers=self.headers)


def problem(
    status: int,
    detail: str,
    errors: Sequence[ParameterError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer with a problem as its body."""
    title = HTTPStatus(status).phrase
    body = Problem(title=title, status=status, detail=detail, errors=None if errors is None else [*errors])
    return JSONResponse(
        body.model_dump(exclude_none=True), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def of_source(error: ExporterError) -> ApiError:
    """What is said of a target that did not give what was asked: the reason, never the server's own words.

    Those may hold addresses, names of roles and parts of queries; the log has them.
    """
    if isinstance(error, Refused) and error.reason is Reason.PERMISSION:
        return ApiError(502, "the exporter's role lacks a right on the server")
    for kind, (status, detail) in OF_SOURCES.items():
        if isinstance(error, kind):
            return ApiError(status, detail)
    return ApiError(502 if isinstance(error, SourceError) else 503, "the server did not give what was asked")


def documented(*more: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that are problems, for OpenAPI."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": {
                        "type": "about:blank",
                        "title": HTTPStatus(status).phrase,
                        "status": status,
                        "detail": "what is wrong, a sentence",
                    },
                }
            },
        }
        for status in sorted({*COMMON, *more})
    }


def handle_errors(app: Starlette) -> None:
    """Makes problems of all errors that a route, or the way to one, ends with."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ExporterError, _source_error)
    app.add_exception_handler(Exception, _unforeseen)


def unforeseen() -> ApiError:
    """What is said of an error that nobody thought of: nothing."""
    return ApiError(500, "something went wrong; the exporter's log has the details")


def _unforeseen(_request: Request, _error: Exception) -> Response:
    """The guard logs it: it is raised again once this is sent."""
    return unforeseen().response()


def _api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


def _source_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ExporterError)
    return of_source(error).response()


def _http_error(request: Request, error: Exception) -> Response:
    """What the router says: no such path, no such method, a body that is no JSON."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code != 405:
        details = {404: "there is nothing here", 400: "the request can't be read"}
        detail = details.get(error.status_code, HTTPStatus(error.status_code).phrase)
        return problem(error.status_code, detail, headers=headers)
    allowed = {method.strip() for method in headers.pop("Allow", "").split(",") if method.strip()}
    allowed |= {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())
    headers["Allow"] = ", ".join(sorted(allowed))
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    return problem(405, f"expected one of {headers['Allow']}", headers=headers)


def _invalid(_request: Request, error: Exception) -> Response:
    """Says where and what is expected; what was sent is not repeated."""
    assert isinstance(error, RequestValidationError)
    errors = [
        ParameterError(location=".".join(str(part)[:80] for part in e["loc"]), message=str(e["msg"]))
        for e in error.errors()[:20]
    ]
    return problem(422, "the request is not as documented", errors)
