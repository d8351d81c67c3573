"""Settings of what the process makes of queries: the log of slow ones, baselines, the JSON API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from exporter.settings.sections.base import Section
from exporter.settings.values import EMPTY_IS_UNSET, File, Folder


class SlowQueries(Section):
    """What becomes of slow queries beside their metrics."""

    directory: Annotated[Folder | None, EMPTY_IS_UNSET] = Field(
        default=None,
        description="Folder for slow_queries.log: JSON lines, a new file each 10 MB, five old ones.",
    )
    kept: int = Field(
        default=200, ge=1, le=10_000, description="Slow queries of each server that are kept to be shown."
    )


class Analysis(Section):
    """What analyses keep between runs."""

    directory: Annotated[Folder | None, EMPTY_IS_UNSET] = Field(
        default=None,
        description="Folder for baselines and histories; datastack-exporter in $XDG_STATE_HOME if not given.",
    )


class Api(Section):
    """The JSON API under /api/v1; it needs the extra `api`."""

    enabled: bool = Field(default=False, description="Serve the JSON API.")
    jwt_secret_file: File = Field(
        default=None, description="File with the secret of HS256 tokens, 32 bytes at least."
    )
    jwks_file: File = Field(
        default=None, description="File with public keys (JWKS) of RS256, ES256 or EdDSA tokens."
    )
    jwt_issuer: Annotated[str | None, EMPTY_IS_UNSET] = Field(
        default=None, description="The issuer (iss) that a token must have; empty: any."
    )
    jwt_audience: Annotated[str | None, EMPTY_IS_UNSET] = Field(
        default=None, description="The audience (aud) that a token must have; empty: any."
    )
    jwt_roles_claim: str = Field(
        default="roles", min_length=1, description="The claim with the roles: viewer, admin."
    )
    requests_per_minute: int = Field(
        default=120, ge=1, le=100_000, description="Requests that one caller may make in a minute."
    )
    audit_file: File = Field(default=None, description="File for the audit log, JSON lines; empty: the log.")
