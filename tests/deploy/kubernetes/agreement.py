"""What has to agree between the objects of a namespace, and what it says where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from tests.deploy.kubernetes.network import selects
from tests.deploy.kubernetes.pods import Pod, Store, namespace, pods
from tests.deploy.kubernetes.rendered import Object

TOKEN = "/run/secrets/kubernetes.io/serviceaccount"
"""Where the kubelet mounts the token; /var/run is a link to /run."""


def findings(objects: Sequence[Object]) -> list[str]:
    """One line for each thing that refers to something that is not there."""
    return [
        *_workloads(objects),
        *_pods(objects),
        *_services(objects),
        *_policies(objects),
        *_rights(objects),
    ]


def _workloads(objects: Sequence[Object]) -> Iterator[str]:
    services = {
        (namespace(found), found["metadata"]["name"]) for found in objects if found["kind"] == "Service"
    }
    for found in objects:
        spec = found.get("spec", {})
        if "template" not in spec:
            continue
        where = f"{found['kind']} {found['metadata']['name']}"
        if not selects(spec["selector"], spec["template"]["metadata"].get("labels", {})):
            yield f"{where}: its selector does not take its own pods"
        if found["kind"] == "StatefulSet" and (namespace(found), spec["serviceName"]) not in services:
            yield f"{where}: no Service {spec['serviceName']}"


def _pods(objects: Sequence[Object]) -> Iterator[str]:
    store = Store(objects)
    for pod in pods(objects):
        volumes = pod.volumes()
        used = set()
        for container in pod.containers():
            where = f"{pod.name}/{container['name']}"
            mounts = container.get("volumeMounts", [])
            names = {mount["name"] for mount in mounts}
            used |= names
            if lost := names - volumes.keys():
                yield f"{where}: no volume {', '.join(sorted(lost))}"
                continue
            yield from (f"{where}: {line}" for line in _mounts(pod, mounts, volumes))
            yield from (f"{where}: {line}" for line in _files(store, pod, container))
            yield from (f"{where}: {line}" for line in _probes(container))
        for name in sorted(volumes.keys() - used):
            yield f"{pod.name}: nobody mounts {name}"


def _mounts(
    pod: Pod, mounts: Sequence[Mapping[str, Any]], volumes: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    inner = [mount["mountPath"] for mount in mounts]
    if len({*inner}) < len(inner):
        yield "two volumes are mounted at one place"
    if pod.spec.get("automountServiceAccountToken") is not False:
        inner.append(TOKEN)
    for mount in mounts:
        outer = mount["mountPath"].replace("/var/run/", "/run/")
        kept = volumes[mount["name"]].keys() & {"persistentVolumeClaim", "emptyDir"}
        for path in inner:
            below = outer in map(str, PurePosixPath(path.replace("/var/run/", "/run/")).parents)
            if below and (mount.get("readOnly") or not kept):
                yield f"{path} can't be mounted below {outer}, which is read-only"


def _files(store: Store, pod: Pod, container: Mapping[str, Any]) -> Iterator[str]:
    try:
        files = store.files(pod, container)
    except KeyError as error:
        yield str(error.args[0])
        return
    places = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
    values = [*container.get("args", []), *(found.get("value", "") for found in container.get("env", []))]
    for value in values:
        path = value.rpartition("=")[2]
        # A file of a volume that is filled here; elsewhere programs make their own.
        filled = any(
            path.startswith(f"{place}/") for place in places if any(f.startswith(f"{place}/") for f in files)
        )
        if filled and path not in files:
            yield f"no file {path}"


def _probes(container: Mapping[str, Any]) -> Iterator[str]:
    ports = {port["name"] for port in container.get("ports", [])}
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container.get(name, {}).get("httpGet")
        if asked and asked["port"] not in ports:
            yield f"{name} asks at a port {asked['port']}, which it has not"


def _services(objects: Sequence[Object]) -> Iterator[str]:
    found_pods = list(pods(objects))
    ports: dict[tuple[str, str], set[str]] = {}
    for found in objects:
        if found["kind"] != "Service":
            continue
        name, place = found["metadata"]["name"], namespace(found)
        ports[place, name] = {port["name"] for port in found["spec"]["ports"]}
        chosen = [
            pod
            for pod in found_pods
            if pod.namespace == place and selects({"matchLabels": found["spec"]["selector"]}, pod.labels)
        ]
        if len(chosen) != 1:
            yield f"Service {name}: it selects {len(chosen)} workloads"
        for port in found["spec"]["ports"]:
            if any(port["targetPort"] not in pod.ports() for pod in chosen):
                yield f"Service {name}: no port {port['targetPort']} in its pods"
    for found in objects:
        if found["kind"] == "Ingress":
            yield from _backends(found, ports)


def _backends(found: Object, ports: Mapping[tuple[str, str], set[str]]) -> Iterator[str]:
    hosts = {host for entry in found["spec"]["tls"] for host in entry["hosts"]}
    for rule in found["spec"]["rules"]:
        if rule["host"] not in hosts:
            yield f"Ingress {found['metadata']['name']}: {rule['host']} has no TLS"
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]
            if service["port"]["name"] not in ports.get((namespace(found), service["name"]), ()):
                lost = f"no port {service['port']['name']} of {service['name']}"
                yield f"Ingress {found['metadata']['name']}: {lost}"


def _policies(objects: Sequence[Object]) -> Iterator[str]:
    found_pods = list(pods(objects))
    for found in objects:
        if found["kind"] != "NetworkPolicy":
            continue
        name, spec = found["metadata"]["name"], found["spec"]
        chosen = [
            pod
            for pod in found_pods
            if pod.namespace == namespace(found) and selects(spec["podSelector"], pod.labels)
        ]
        if not chosen:
            yield f"NetworkPolicy {name}: it selects no pod"
        named = {port for pod in found_pods for port in pod.ports()}
        if "Ingress" in spec["policyTypes"]:
            own = {port for pod in chosen for port in pod.ports()}
            for port in _named(spec.get("ingress", [])):
                if port not in own:
                    yield f"NetworkPolicy {name}: no port {port} in its pods"
        for port in _named(spec.get("egress", [])):
            if port not in {*named, "metrics"}:  # the last is the applications' own
                yield f"NetworkPolicy {name}: nobody has a port {port}"


def _named(rules: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for rule in rules:
        for port in rule.get("ports", []):
            if isinstance(port["port"], str):
                yield port["port"]


def _rights(objects: Sequence[Object]) -> Iterator[str]:
    accounts = {
        (namespace(found), found["metadata"]["name"])
        for found in objects
        if found["kind"] == "ServiceAccount"
    }
    roles = {
        (found["kind"], found["metadata"]["name"]) for found in objects if found["kind"].endswith("Role")
    }
    for pod in pods(objects):
        if (
            "serviceAccountName" in pod.spec
            and (pod.namespace, pod.spec["serviceAccountName"]) not in accounts
        ):
            yield f"{pod.name}: no ServiceAccount {pod.spec['serviceAccountName']}"
    for found in objects:
        if not found["kind"].endswith("RoleBinding"):
            continue
        name = found["metadata"]["name"]
        if (found["roleRef"]["kind"], found["roleRef"]["name"]) not in roles:
            yield f"{found['kind']} {name}: no {found['roleRef']['name']}"
        for subject in found["subjects"]:
            if (subject["namespace"], subject["name"]) not in accounts:
                yield f"{found['kind']} {name}: no ServiceAccount {subject['name']}"
