"""Who may talk to whom, as the NetworkPolicies say.

Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.deploy.kubernetes.pods import Pod, namespace, pods
from tests.deploy.kubernetes.rendered import Object


@dataclass(frozen=True)
class Peer:
    """One end of a connection: a pod, or with no namespace something outside of the cluster."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, pod: Pod) -> Peer:
        """A pod of ours."""
        return cls(pod.namespace, pod.labels, pod.ports())


OUTSIDE = Peer()


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes these labels."""
    if any(labels.get(name) != value for name, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_expression(found, labels) for found in selector.get("matchExpressions", []))


def _expression(found: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    there = found["key"] in labels
    match found["operator"]:
        case "In":
            return there and labels[found["key"]] in found["values"]
        case "NotIn":
            return not there or labels[found["key"]] not in found["values"]
        case "Exists":
            return there
        case "DoesNotExist":
            return not there
    raise ValueError(found["operator"])


class Network:
    """The policies of some objects.

    Args:
        objects: among them the NetworkPolicies.
    """

    def __init__(self, objects: Iterable[Object]) -> None:
        self._policies = [found for found in objects if found["kind"] == "NetworkPolicy"]

    def allows(self, source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
        """Whether a connection is let out at one end and in at the other."""
        wanted = (port, protocol)
        return self._lets("Egress", source, target, target, wanted) and self._lets(
            "Ingress", target, source, target, wanted
        )

    def _lets(self, way: str, own: Peer, other: Peer, target: Peer, wanted: tuple[int, str]) -> bool:
        isolating = [
            found["spec"]
            for found in self._policies
            if way in found["spec"]["policyTypes"]
            and namespace(found) == own.namespace
            and selects(found["spec"]["podSelector"], own.labels)
        ]
        key = "from" if way == "Ingress" else "to"
        return not isolating or any(
            self._peers(rule.get(key), own, other) and self._ports(rule.get("ports"), target, wanted)
            for spec in isolating
            for rule in spec.get(way.lower(), [])
        )

    def _peers(self, peers: Sequence[Mapping[str, Any]] | None, own: Peer, other: Peer) -> bool:
        # An ipBlock is here only ever for what is no pod, and no test asks for it by address.
        return not peers or any(self._peer(found, own, other) for found in peers if "ipBlock" not in found)

    def _peer(self, found: Mapping[str, Any], own: Peer, other: Peer) -> bool:
        if not other.namespace:
            return False
        if "namespaceSelector" in found:
            place = selects(found["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
        else:
            place = other.namespace == own.namespace
        return place and selects(found.get("podSelector", {}), other.labels)

    def _ports(
        self, ports: Sequence[Mapping[str, Any]] | None, target: Peer, wanted: tuple[int, str]
    ) -> bool:
        return not ports or any(
            (
                target.ports.get(found["port"]) if isinstance(found["port"], str) else found["port"],
                found["protocol"],
            )
            == wanted
            for found in ports
        )


def peers(objects: Iterable[Object]) -> dict[str, Peer]:
    """The pods by `namespace/workload`."""
    return {f"{found.namespace}/{found.name}": Peer.of(found) for found in pods(objects)}
