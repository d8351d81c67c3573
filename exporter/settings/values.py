"""The kinds of values that settings have: what is taken, and what it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from exporter.settings import checks

EMPTY_IS_UNSET = "an empty value means: not given"
"""Marks a field whose empty value is none, as in `EXPORTER_REDIS__ADDRESS=${REDIS:-}`."""
TAKES_RELEASES = "a list of releases"
"""Marks a field whose items are no regular expressions."""
TAKES_PATTERNS = "a list of patterns of keys"
"""Marks a field whose items are globs, no regular expressions."""
TAKES_HOSTS = "a list of names of hosts"
"""Marks a field whose items are names of hosts."""
TAKES_MAPPING = "a mapping of texts"
"""Marks a field that is a mapping in the YAML file."""


def _conninfo(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        checks.conninfo(value.get_secret_value())
    return value


Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Secret = Annotated[SecretStr | None, EMPTY_IS_UNSET]
File = Annotated[Path | None, EMPTY_IS_UNSET]
Files = Annotated[tuple[str, ...], BeforeValidator(checks.as_list), NoDecode]
Conninfo = Annotated[SecretStr | None, AfterValidator(_conninfo)]
Folder = Annotated[str, AfterValidator(checks.absolute)]
Regex = Annotated[str, AfterValidator(checks.regex)]
Regexes = Annotated[tuple[Regex, ...], BeforeValidator(checks.as_list), NoDecode]
SourceRegex = Regex | None
"""None: the default of the source that uses it, so that it stands in one place."""
Release = Annotated[str, AfterValidator(checks.release)]
Releases = Annotated[tuple[Release, ...], BeforeValidator(checks.as_list), TAKES_RELEASES, NoDecode]
"""Releases of postgres_exporter, as `0.10`."""
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(checks.allowed_host)], ...],
    BeforeValidator(checks.as_list),
    TAKES_HOSTS,
    NoDecode,
]
"""Names as they stand in the header Host, in small letters, without a port."""
Labels = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(checks.as_pairs),
    AfterValidator(checks.labels),
    TAKES_MAPPING,
    NoDecode,
]
"""Labels with the same value on each series: (name, value), in the order in which they were given."""


def _each_once(pairs: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("expected each name once")
    return pairs


Sizes = Annotated[
    tuple[tuple[Annotated[str, Field(min_length=1)], Annotated[int, Field(ge=1, le=1_000_000)]], ...],
    BeforeValidator(checks.as_pairs),
    AfterValidator(_each_once),
    TAKES_MAPPING,
    NoDecode,
]
"""Names with a number each."""
