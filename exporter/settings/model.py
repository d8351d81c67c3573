"""Every setting, as one frozen value; `sections/` has each with its type, default, bounds and sentence.

A setting is `section.key`: the flag `--section.key` (with dashes), the variable `EXPORTER_SECTION__KEY`
and the key of the YAML file. What is here is only the shape; `exporter.settings.load` fills it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Self, cast, get_args

from pydantic import Field, create_model, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from exporter.settings.sections import (
    Analysis,
    Api,
    Collectors,
    Compat,
    Config,
    Host,
    Log,
    PgBouncer,
    Postgres,
    Redis,
    Scrape,
    Section,
    Sharding,
    SlowQueries,
    Web,
)
from exporter.settings.values import Labels

Key = tuple[str, ...]
"""Where a setting stands: `("web", "listen_address")`, `("targets", "orders", "postgres", "dsn")`."""

TARGETS = "targets"
SERVERS = ("postgres", "redis", "pgbouncer")
"""The sections that a target may have, each one server."""
TARGET_LABEL = "target"
"""The label that tells targets apart on the metrics page."""
NODE_LABEL = "node"
"""The label that tells the nodes of a group of Redis servers apart."""
NO_SERVER = "expected a server: postgres.dsn, redis.address or pgbouncer.dsn"


class Target(Section):
    """Servers under a name of their own, beside those of the top level.

    What `collector` and `scrape` leave out is as at the top level: `Settings.target` puts them together.
    """

    postgres: Postgres = Field(default_factory=Postgres)
    redis: Redis = Field(default_factory=Redis)
    pgbouncer: PgBouncer = Field(default_factory=PgBouncer)
    collector: Collectors = Field(default_factory=Collectors)
    scrape: Scrape = Field(default_factory=Scrape)
    labels: Labels = Field(default=(), description="Labels on each series of the target: name=value,...")
    on_metrics: bool = Field(
        default=True, description="Show it on the metrics page as well, with the label target."
    )

    @property
    def limit_seconds(self) -> float | None:
        """Seconds that it may take of a request for several targets; None if it has no bound of its own."""
        return self.scrape.timeout_seconds if "timeout_seconds" in self.scrape.model_fields_set else None

    @model_validator(mode="after")
    def _with_a_server(self) -> Self:
        if self.postgres.dsn is None and self.redis.address is None and self.pgbouncer.dsn is None:
            raise ValueError(NO_SERVER)
        return self


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
    sharding: Sharding = Field(
        default_factory=Sharding, description="Which of the targets this process watches; all by default."
    )
    compat: Compat = Field(
        default_factory=Compat, description="What is shown for who comes from another exporter."
    )
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
    slow_queries: SlowQueries = Field(
        default_factory=SlowQueries, description="What becomes of slow queries beside their metrics."
    )
    analysis: Analysis = Field(default_factory=Analysis, description="What analyses keep between runs.")
    api: Api = Field(default_factory=Api, description="The JSON API under /api/v1.")
    collector: Collectors = Field(default_factory=Collectors, description="Which collectors are on.")
    targets: Mapping[str, Target] = Field(
        default_factory=dict,
        description="More servers, each under a name; below it stand sections as above, and these keys.",
    )

    def main(self) -> Settings:
        """What stands at the top level alone: no other targets, and nothing that is about the process."""
        return self.model_copy(
            update={
                "config": Config(),
                "web": Web(),
                "log": Log(),
                "api": Api(),
                "sharding": Sharding(),
                "targets": {},
            }
        )

    def target(self, name: str) -> Settings:
        """What applies to one target alone, in the same shape; its labels are those of its sections.

        Raises:
            KeyError: there is none of that name.
        """
        own = self.targets[name]
        sections = {key: _with_labels(getattr(own, key), own.labels) for key in SERVERS}
        over = {"scrape": _over(self.scrape, own.scrape), "collector": _over(self.collector, own.collector)}
        return self.main().model_copy(update={**sections, **over, "host": Host(enabled=False)})

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


def _with_labels(section: Postgres | Redis | PgBouncer, labels: Labels) -> Section:
    """The section with more labels; its own count more."""
    return section.model_copy(update={"labels": tuple({**dict(labels), **dict(section.labels)}.items())})


def _over(below: Section, given: Section) -> Section:
    """The section `below` with what was given in the other."""
    return below.model_copy(update={key: getattr(given, key) for key in given.model_fields_set})


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
    switched = (section, Field(default_factory=section, description="Which collectors are on."))
    target = create_model("Target", __base__=Target, __module__=__name__, collector=cast("Any", switched))
    targets = (Mapping[str, target], Settings.model_fields["targets"])  # type: ignore[valid-type]
    return create_model(
        "Settings",
        __base__=Settings,
        __module__=__name__,
        collector=cast("Any", switched),
        targets=cast("Any", targets),
    )


def fields_of(settings: type[Settings]) -> dict[Key, FieldInfo]:
    """Every setting of the top level: (section, key) -> its field."""
    sections = {name: field for name, field in settings.model_fields.items() if name != TARGETS}
    return _fields(sections)


def target_fields_of(settings: type[Settings]) -> dict[Key, FieldInfo]:
    """Every setting of a target: (section, key), or (key,) -> its field."""
    target: type[Target] = get_args(settings.model_fields[TARGETS].annotation)[1]
    return _fields(target.model_fields)


def _fields(outer: Mapping[str, FieldInfo]) -> dict[Key, FieldInfo]:
    found: dict[Key, FieldInfo] = {}
    for name, field in outer.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found |= {(name, key): inner for key, inner in field.annotation.model_fields.items()}
        else:
            found[name,] = field
    return found


def redacted(settings: Settings) -> dict[str, dict[str, Any]]:
    """The effective configuration for showing: section -> key -> value, secrets as asterisks."""
    return settings.model_dump(mode="json")
