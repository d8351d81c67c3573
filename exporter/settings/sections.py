"""The sections of settings: each setting's type, its default, its bounds and its sentence for `--help`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from exporter.settings import checks
from exporter.settings.values import (
    EMPTY_IS_UNSET,
    Conninfo,
    File,
    Files,
    Folder,
    Labels,
    Regexes,
    Releases,
    Seconds,
    Secret,
    SourceRegex,
)


class Section(BaseModel):
    """Settings that belong together; frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, protected_namespaces=())


class Config(Section):
    """Where the other settings come from."""

    file: File = Field(default=None, description="YAML file with settings.")
    secrets_dir: File = Field(
        default=None, description="Folder with one file per setting, named section__key (postgres__password)."
    )


class Web(Section):
    """The HTTP side."""

    listen_address: Annotated[str, AfterValidator(checks.listen_address)] = Field(
        default="127.0.0.1:9188", description="host:port to serve on; :9188 means all interfaces."
    )
    telemetry_path: Annotated[str, AfterValidator(checks.telemetry_path)] = Field(
        default="/metrics", description="Path of the metrics page."
    )
    enable_reload: bool = Field(
        default=True, description="Re-read the configuration on POST /-/reload; SIGHUP always does."
    )

    @property
    def bind(self) -> tuple[str, int]:
        """Host and port to listen on; the host is empty for all interfaces."""
        return checks.split_listen_address(self.listen_address)


class Log(Section):
    """What is logged to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    format: Literal["logfmt", "json"] = Field(default="logfmt", description="Format of a log line.")


class Scrape(Section):
    """The bounds of one scrape."""

    timeout_seconds: Seconds = Field(
        default=10.0, description="Seconds for a scrape when Prometheus does not send its own scrape_timeout."
    )
    timeout_offset_seconds: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = Field(
        default=0.5, description="Seconds taken off that time, so that the page is back in time."
    )
    series_limit: int = Field(
        default=1_000_000, ge=1, description="Samples that one collector may give in one scrape."
    )


class Compat(Section):
    """What is shown for who comes from another exporter."""

    legacy_names: Releases = Field(
        default=(),
        description="Releases of postgres_exporter whose names to show as well: 0.8 to 0.19, queries.yaml.",
    )


class Postgres(Section):
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
    labels: Labels = Field(default=(), description="Labels on each series of the server: name=value,...")


class Host(Section):
    """The host or container that this process runs on."""

    enabled: bool = Field(default=True, description="Collect from the host.")
    procfs: Folder = Field(default="/proc", description="Where the host's /proc is mounted.")
    sysfs: Folder = Field(default="/sys", description="Where the host's /sys is mounted.")
    rootfs: Folder = Field(default="/", description="Where the host's root file system is mounted.")
    mount_points_exclude: SourceRegex = Field(
        default=None, description="Regular expression of mount points to leave out."
    )
    fs_types_exclude: SourceRegex = Field(
        default=None, description="Regular expression of file system types to leave out."
    )
    disk_device_exclude: SourceRegex = Field(
        default=None, description="Regular expression of block devices to leave out."
    )
    netdev_device_exclude: SourceRegex = Field(
        default=None, description="Regular expression of network devices to leave out."
    )
    vmstat_fields: SourceRegex = Field(
        default=None, description="Regular expression of /proc/vmstat fields to export."
    )
    netstat_fields: SourceRegex = Field(
        default=None, description="Regular expression of netstat and snmp fields to export."
    )


class Collectors(Section):
    """Which collectors are on: one switch for each, known only once they are discovered."""
