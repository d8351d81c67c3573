"""What is applied together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

APPLIED: Mapping[str, Sequence[str]] = {
    "monitoring": ["monitoring", "overlays/standalone", "secrets"],
    "ingress": ["overlays/monitoring", "overlays/standalone", "secrets"],
    "oauth2": ["overlays/monitoring-oauth2", "overlays/standalone", "secrets"],
    "operator": ["monitoring", "overlays/standalone-operator", "secrets"],
    "host": ["host"],
    "sidecar": ["overlays/sidecar", "example/secrets"],
    "sidecar-plain": ["overlays/sidecar-plain", "example/secrets"],
    "sidecar-operator": ["overlays/sidecar-operator", "example/secrets"],
}
"""A name -> kustomizations, one after the other, as docs/kubernetes.md says."""
