"""Settings of a PgBouncer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from exporter.settings.sections.base import Section
from exporter.settings.values import EMPTY_IS_UNSET, Conninfo, File, Labels, Seconds, Secret


class PgBouncer(Section):
    """The admin console of PgBouncer. Off without a DSN."""

    dsn: Annotated[Conninfo, EMPTY_IS_UNSET] = Field(
        default=None, description="libpq connection string of the database pgbouncer."
    )
    password: Secret = Field(
        default=None, description="Password, over the DSN's. A flag shows in the process list."
    )
    password_file: File = Field(default=None, description="File with the password.")
    connect_timeout_seconds: Seconds = Field(default=5.0, description="Seconds to wait for a connection.")
    application_names: int = Field(
        default=50,
        ge=0,
        le=10_000,
        description="Application names that connections are counted by, the most frequent ones; the others "
        "count as `other`. 0: no names.",
    )
    pid_file: File = Field(
        default=None, description="PgBouncer's pid file, for pgbouncer_process_* from /proc."
    )
    labels: Labels = Field(default=(), description="Labels on each series of the server: name=value,...")
