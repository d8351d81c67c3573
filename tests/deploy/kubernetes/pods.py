"""Objects seen as pods: their containers, their ports, and the files that are mounted."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.kubernetes.rendered import Object

KINDS = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True, slots=True)
class Pod:
    """What a workload makes pods of.

    Attributes:
        name: the workload's name.
        kind: the workload's kind.
        namespace: where it is; `default` if nothing says so.
        labels: those of the pod.
        annotations: those of the pod.
        spec: the pod's.
        claims: names of volumes that each pod claims.
    """

    name: str
    kind: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: Mapping[str, Any]
    claims: frozenset[str]

    def containers(self) -> list[dict[str, Any]]:
        """All containers, those of initialisation too: native sidecars are among them."""
        return [*self.spec["containers"], *self.spec.get("initContainers", [])]

    def container(self, name: str) -> dict[str, Any]:
        """The container of that name."""
        (found,) = (container for container in self.containers() if container["name"] == name)
        return found

    def volumes(self) -> dict[str, Any]:
        """The volumes by name; a claim as `persistentVolumeClaim`."""
        found = {volume["name"]: volume for volume in self.spec.get("volumes", [])}
        return found | {name: {"name": name, "persistentVolumeClaim": {}} for name in self.claims}

    def ports(self) -> dict[str, int]:
        """The ports that have a name."""
        return {
            port["name"]: port["containerPort"]
            for container in self.containers()
            for port in container.get("ports", [])
        }


def namespace(found: Object) -> str:
    """Where an object is."""
    name: str = found["metadata"].get("namespace", "default")
    return name


def pods(objects: Iterable[Object]) -> Iterator[Pod]:
    """One for each workload."""
    for found in objects:
        if found["kind"] in KINDS:
            template = found["spec"]["template"]
            claims = found["spec"].get("volumeClaimTemplates", [])
            yield Pod(
                name=found["metadata"]["name"],
                kind=found["kind"],
                namespace=namespace(found),
                labels=template["metadata"].get("labels", {}),
                annotations=template["metadata"].get("annotations", {}),
                spec=template["spec"],
                claims=frozenset(claim["metadata"]["name"] for claim in claims),
            )


def pod(objects: Iterable[Object], name: str) -> Pod:
    """The pod of the workload of that name."""
    (found,) = (found for found in pods(objects) if found.name == name)
    return found


class Store:
    """ConfigMaps and Secrets, and what of them a container sees.

    Args:
        objects: among them the ConfigMaps and Secrets.
    """

    def __init__(self, objects: Iterable[Object]) -> None:
        self._known: dict[tuple[str, str, str], dict[str, bytes]] = {}
        for found in objects:
            if found["kind"] in ("ConfigMap", "Secret"):
                key = (found["kind"], namespace(found), found["metadata"]["name"])
                self._known[key] = _content(found)

    def files(self, pod: Pod, container: Mapping[str, Any]) -> dict[str, bytes]:
        """Path in the container -> content.

        Raises:
            KeyError: an object or a key that a volume names does not exist.
        """
        volumes = pod.volumes()
        return {
            f"{mount['mountPath']}/{path}": content
            for mount in container.get("volumeMounts", [])
            for path, content in self._volume(pod.namespace, volumes[mount["name"]])
        }

    def _volume(self, place: str, volume: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            for kind in ("ConfigMap", "Secret"):
                chosen = source.get(kind[0].lower() + kind[1:])
                if chosen is not None:
                    name = chosen.get("name") or chosen["secretName"]
                    yield from self._chosen((kind, place, name), chosen)

    def _chosen(self, key: tuple[str, str, str], chosen: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
        if key not in self._known:
            raise KeyError(f"no {key[0]} {key[2]} in {key[1]}")
        content = self._known[key]
        items = chosen.get("items", [{"key": name, "path": name} for name in content])
        for item in items:
            if item["key"] not in content:
                raise KeyError(f"{key[0]} {key[2]} has no key {item['key']}")
            yield item["path"], content[item["key"]]


def _content(found: Object) -> dict[str, bytes]:
    plain = {**found.get("data", {}), **found.get("stringData", {})}
    if found["kind"] == "Secret":
        return {name: base64.b64decode(text) for name, text in found.get("data", {}).items()}
    return {name: text.encode() for name, text in plain.items()}


def lay_out(files: Mapping[str, bytes], root: Path) -> Path:
    """Writes the files of a container below a folder, and returns it."""
    for path, content in files.items():
        target = root / path.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return root
