"""Every setting: its type, its default, its bounds and its sentence for `--help`.

A setting is `section.key`: the flag `--section.key` (with dashes), the variable `EXPORTER_SECTION__KEY`
and the key of the YAML file. What is here is only the shape; `exporter.settings.load` fills it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from exporter.settings import checks

Key = tuple[str, str]
"""Section and key of a setting."""

EMPTY_IS_UNSET = "an empty value means: not given"
"""Marks a field whose empty value is none, as in `EXPORTER_REDIS__ADDRESS=${REDIS:-}`."""


def _conninfo(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        checks.conninfo(value.get_secret_value())
    return value


Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Secret = Annotated[SecretStr | None, EMPTY_IS_UNSET]
File = Annotated[Path | None, EMPTY_IS_UNSET]
Conninfo = Annotated[SecretStr | None, AfterValidator(_conninfo)]
Folder = Annotated[str, AfterValidator(checks.absolute)]
Regex = Annotated[str, AfterValidator(checks.regex)]
Regexes = Annotated[tuple[Regex, ...], BeforeValidator(checks.as_list), NoDecode]
SourceRegex = Regex | None
"""None: the default of the source that uses it, so that it stands in one place."""


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
    connect_timeout_seconds: Seconds = Field(default=5.0, description="Seconds to wait for a connection.")
    lock_timeout_seconds: Seconds = Field(default=0.2, description="Seconds that a query waits for a lock.")
    max_lifetime_seconds: Seconds = Field(
        default=1800.0, description="Seconds until a connection is renewed."
    )

    @field_validator("max_connections")
    @classmethod
    def _one_for_the_databases(cls, value: int, info: ValidationInfo) -> int:
        if value < 2 and info.data.get("discover_databases"):
            raise ValueError("expected at least 2 while postgres.discover_databases is on")
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


class Settings(BaseSettings):
    """The whole configuration, frozen.

    Build it with `load_settings`. The constructor reads neither environment nor files.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, protected_namespaces=()
    )

    config: Config = Field(default_factory=Config, description="Where the other settings come from.")
    web: Web = Field(default_factory=Web, description="The HTTP side.")
    log: Log = Field(default_factory=Log, description="What is logged to standard error.")
    scrape: Scrape = Field(default_factory=Scrape, description="The bounds of one scrape.")
    postgres: Postgres = Field(
        default_factory=Postgres, description="The PostgreSQL server; off without a DSN."
    )
    redis: Redis = Field(
        default_factory=Redis, description="The Redis or Valkey server; off without an address."
    )
    pgbouncer: PgBouncer = Field(
        default_factory=PgBouncer, description="PgBouncer's admin console; off without a DSN."
    )
    host: Host = Field(
        default_factory=Host,
        description="The host or container; its expressions are node_exporter's by default.",
    )
    collector: Collectors = Field(default_factory=Collectors, description="Which collectors are on.")

    def enabled_collectors(self) -> frozenset[str]:
        """The names of the collectors that are switched on."""
        return frozenset(name for name, on in self.collector if on)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the constructor is given: sources are merged before, each value with its origin."""
        return (init_settings,)


def settings_type(collectors: Mapping[str, tuple[bool, str]]) -> type[Settings]:
    """The settings with one switch for each collector: name -> (on by default, what it collects).

    The same collectors give the same type, so that settings of before and after a reload can be equal.
    """
    return _settings_type(tuple((name, on, sentence) for name, (on, sentence) in collectors.items()))


@lru_cache(maxsize=8)
def _settings_type(collectors: tuple[tuple[str, bool, str], ...]) -> type[Settings]:
    switches: dict[str, Any] = {
        name: (bool, Field(default=on, description=sentence)) for name, on, sentence in collectors
    }
    section = create_model("Collectors", __base__=Collectors, __module__=__name__, **switches)
    description = Settings.model_fields["collector"].description
    field = (section, Field(default_factory=section, description=description))
    return create_model("Settings", __base__=Settings, __module__=__name__, collector=cast("Any", field))


def fields_of(settings: type[Settings]) -> dict[Key, FieldInfo]:
    """Every setting: (section, key) -> its field."""
    return {
        (section, key): field
        for section, outer in settings.model_fields.items()
        for key, field in cast("type[Section]", outer.annotation).model_fields.items()
    }


def redacted(settings: Settings) -> dict[str, dict[str, Any]]:
    """The effective configuration for showing: section -> key -> value, secrets as asterisks."""
    return settings.model_dump(mode="json")
