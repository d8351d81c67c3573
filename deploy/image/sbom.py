"""The image's bill of materials: what the environment of the running Python holds, as CycloneDX 1.6.

    /opt/datastack-exporter/bin/python deploy/image/sbom.py > sbom.cdx.json

Components are the Python packages, the interpreter, the distribution, and the packages of dpkg. Nothing in it
depends on the time: the same packages make the same bytes. Only the standard library is used, so that a build
needs no further package for it.
"""

import json
import platform
import re
import sys
import uuid
from collections.abc import Iterator
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

PROGRAM = "datastack-exporter"
DPKG = Path("/var/lib/dpkg/status")
REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")

Component = dict[str, Any]


def document() -> Component:
    """The whole document: https://cyclonedx.org/docs/1.6/json/."""
    installed = {canonical(d.name): d for d in distributions()}
    libraries = {name: library(name, d) for name, d in sorted(installed.items())}
    application = {**libraries.pop(PROGRAM), "type": "application"}
    refs = {name: c["bom-ref"] for name, c in libraries.items()} | {PROGRAM: application["bom-ref"]}
    components = [*libraries.values(), interpreter(), *system()]
    content = json.dumps([application, components], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}",
        "version": 1,
        "metadata": {"component": application},
        "components": components,
        "dependencies": [
            {
                "ref": refs[name],
                "dependsOn": sorted(refs[n] for n in needs(d) & refs.keys()),
            }
            for name, d in sorted(installed.items())
        ],
    }


def canonical(name: str) -> str:
    """The name as indexes of packages spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def library(name: str, distribution: Distribution) -> Component:
    """One installed Python package."""
    reference = f"pkg:pypi/{name}@{quote(distribution.version)}"
    component = {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": distribution.version,
        "purl": reference,
    }
    metadata = distribution.metadata
    return component | licences(metadata) if isinstance(metadata, Message) else component


def licences(metadata: Message) -> Component:
    """The SPDX expression, else the names that classifiers give; nothing where the package says nothing."""
    if expression := metadata.get("License-Expression"):
        return {"licenses": [{"expression": str(expression)}]}
    classifiers = [str(c) for c in metadata.get_all("Classifier", [])]
    names = {c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: ")} - {"OSI Approved"}
    return {"licenses": [{"license": {"name": name}} for name in sorted(names)]} if names else {}


def needs(distribution: Distribution) -> set[str]:
    """Names of what a package may require, under whatever condition."""
    found = map(REQUIREMENT.match, distribution.requires or ())
    return {canonical(match.group()) for match in found if match}


def interpreter() -> Component:
    """The Python that runs this."""
    version = platform.python_version()
    reference = f"pkg:generic/python@{version}"
    return {
        "type": "platform",
        "bom-ref": reference,
        "name": "python",
        "version": version,
        "purl": reference,
        "licenses": [{"license": {"id": "PSF-2.0"}}],
    }


def system() -> Iterator[Component]:
    """The distribution and its packages; nothing where dpkg keeps no list."""
    if not DPKG.exists():
        return
    release = platform.freedesktop_os_release()
    family, version = release["ID"], release.get("VERSION_ID", "")
    yield {"type": "operating-system", "bom-ref": f"os:{family}", "name": family, "version": version}
    for paragraph in DPKG.read_text(encoding="utf-8").split("\n\n"):
        field = dict(re.findall(r"^(Package|Version|Architecture|Status): (.+)$", paragraph, re.MULTILINE))
        if field.get("Status", "").endswith(" installed"):
            where = f"?arch={field['Architecture']}&distro={family}-{version}"
            reference = f"pkg:deb/{family}/{field['Package']}@{quote(field['Version'], safe='')}{where}"
            yield {
                "type": "library",
                "bom-ref": reference,
                "name": field["Package"],
                "version": field["Version"],
                "purl": reference,
            }


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")
