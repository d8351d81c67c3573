"""Settings of a PostgreSQL server."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from exporter.settings.sections.postgres_queries import PostgresQueries
from exporter.settings.values import Conninfo, File, Files, Labels, Regexes, Seconds, Secret, Sizes


class Postgres(PostgresQueries):
    """The PostgreSQL server. Off without a DSN."""

    dsn: Conninfo = Field(
        default=None,
        description="libpq connection string, URI or name=value pairs; empty: libpq's own PG* variables.",
    )
    password: Secret = Field(
        default=None, description="Password, over the DSN's. A flag shows in the process list."
    )
    password_file: File = Field(default=None, description="File with the password.")
    discover_databases: bool = Field(
        default=True, description="Collect from all databases, not only the DSN's."
    )
    include_databases: Regexes = Field(
        default=(), description="Regular expressions of whole database names to collect from; empty: all."
    )
    exclude_databases: Regexes = Field(
        default=("rdsadmin", "azure_maintenance", "cloudsqladmin", "alloydbadmin", "alloydbmetadata"),
        description="Regular expressions of whole database names to leave out.",
    )
    max_connections: int = Field(
        default=3, ge=1, le=100, description="Connections to the server at most, whatever is collected."
    )
    databases_per_scrape: int = Field(
        default=50,
        ge=1,
        le=10_000,
        description="Databases that a scrape reads anew; where there are more they take turns.",
    )
    connect_timeout_seconds: Seconds = Field(default=5.0, description="Seconds to wait for a connection.")
    lock_timeout_seconds: Seconds = Field(default=0.2, description="Seconds that a query waits for a lock.")
    max_lifetime_seconds: Seconds = Field(
        default=1800.0, description="Seconds until a connection is renewed."
    )
    queries_files: Files = Field(
        default=(), description="YAML files with queries of your own: ours or postgres_exporter's dialect."
    )
    pool_sizes: Sizes = Field(
        default=(),
        description="Sessions that an application's pools may have together, by its application_name: "
        "name=number,...",
    )
    labels: Labels = Field(default=(), description="Labels on each series of the server: name=value,...")

    @field_validator("max_connections")
    @classmethod
    def _one_for_the_databases(cls, value: int, info: ValidationInfo) -> int:
        if value < 2 and info.data.get("discover_databases"):
            raise ValueError("expected at least 2 while postgres.discover_databases is on")
        return value

    @field_validator("queries_files")
    @classmethod
    def _one_for_the_queries(cls, value: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        if value and info.data.get("max_connections", 2) < 2:
            raise ValueError("expected postgres.max_connections of at least 2: such queries have their own")
        return value
