"""Whether objects are what the API servers of several releases take.

Built-in kinds by the schemas of kubernetes-validate, where unknown fields are errors; kinds of the Prometheus
operator by `schemas/`, written here, with the fields that are used here. Any other kind is an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import jsonschema
import referencing
from kubernetes_validate import utils  # type: ignore[import-untyped]

from tests.deploy.kubernetes.rendered import Object

SCHEMAS = Path(__file__).parent / "schemas"
OPERATOR = "monitoring.coreos.com/"
VERSIONS = ("1.28", "1.31", "1.34", utils.latest_version().rpartition(".")[0])
"""The oldest that is aimed at, those between, and the newest that is known."""

CLIENT_SIDE = 262_144
"""Bytes of an object's annotations, of which `kubectl apply` makes one with the whole object."""


def refusals(objects: Iterable[Object], version: str) -> Iterator[str]:
    """What a release says against the objects: `Kind name: path: what`."""
    for found in objects:
        where = f"{found['kind']} {found['metadata']['name']}"
        try:
            validator = _validator(found["apiVersion"], found["kind"], version)
        except FileNotFoundError:
            yield f"{where}: nobody knows this kind in {found['apiVersion']}"
            continue
        for error in validator.iter_errors(found):
            yield f"{where}: {'.'.join(map(str, error.path))}: {error.message}"


def too_large(objects: Iterable[Object]) -> Iterator[str]:
    """What `kubectl apply` could not remember in an annotation; the 1 MiB of a ConfigMap is more."""
    for found in objects:
        if (size := len(json.dumps(found, separators=(",", ":")).encode())) >= CLIENT_SIDE:
            yield f"{found['kind']} {found['metadata']['name']}: {size} bytes are too many for kubectl apply"


@cache
def _validator(group: str, kind: str, version: str) -> jsonschema.Draft202012Validator:
    if group.startswith(OPERATOR):
        own = json.loads((SCHEMAS / f"{kind.lower()}.json").read_text())
        jsonschema.Draft202012Validator.check_schema(own)
        return jsonschema.Draft202012Validator(own)
    folder, definitions = _release(version)
    name, _, rest = group.partition("/")
    name = "-".join(part for part in (name.partition(".")[0], rest) if part)
    schema = utils.schema_contents(f"{folder}/{kind.lower()}-{name}.json", version)
    return jsonschema.Draft202012Validator(
        schema, registry=referencing.Registry().with_resources([definitions])
    )


@cache
def _release(version: str) -> tuple[str, tuple[str, referencing.Resource[object]]]:
    full = next(found for found in utils.all_versions() if utils.major_minor(found) == version)
    folder = f"kubernetes-json-schema/v{full}-local-strict"
    content = utils.schema_contents(f"{folder}/_definitions.json", version)
    resource = referencing.Resource.from_contents(content)
    return folder, (content["$id"], resource)
