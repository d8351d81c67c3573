"""Settings of a Redis server."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from exporter.settings import checks
from exporter.settings.sections.base import Section
from exporter.settings.values import EMPTY_IS_UNSET, File, Labels, Seconds, Secret


class Redis(Section):
    """The Redis or Valkey server. Off without an address."""

    address: Annotated[
        str | None, AfterValidator(lambda v: v and checks.redis_address(v)), EMPTY_IS_UNSET
    ] = Field(default=None, description="host:port, or a redis, rediss, valkey, valkeys or unix:// URL.")
    username: Annotated[str | None, EMPTY_IS_UNSET] = Field(
        default=None, description="ACL user, over the address's."
    )
    password: Secret = Field(
        default=None, description="Password, over the address's. A flag shows in the process list."
    )
    password_file: File = Field(
        default=None, description='File with the password, or with JSON {"redis://user@host:port": "pw"}.'
    )
    connect_timeout_seconds: Seconds = Field(default=5.0, description="Seconds to wait for a connection.")
    labels: Labels = Field(default=(), description="Labels on each series of the server: name=value,...")
