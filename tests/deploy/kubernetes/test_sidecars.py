"""The exporter beside an application: what it may do to it, and how it gets there."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.deploy.kubernetes.conformance import refusals
from tests.deploy.kubernetes.pods import pod
from tests.deploy.kubernetes.rendered import render

pytestmark = pytest.mark.xdist_group("kubernetes")  # one worker renders it all, once


EXPORTER = "datastack-exporter"


@pytest.mark.parametrize(("name", "taken"), [("sidecar", False), ("sidecar-plain", True)])
def test_before_1_28_there_is_only_the_plain_sidecar(name: str, taken: bool) -> None:
    found = [*refusals(render(f"overlays/{name}"), "1.27")]

    assert (not found) is taken
    assert all("restartPolicy" in line for line in found)


def test_a_sidecar_never_stops_the_application() -> None:
    for name in ("sidecar", "sidecar-plain"):
        container = pod(render(f"overlays/{name}"), "shop").container(EXPORTER)
        assert container["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
        assert not container.keys() & {"startupProbe", "readinessProbe", "lifecycle"}


def test_sidecars_differ_only_in_their_place() -> None:
    native, plain = (
        deepcopy({**pod(render(f"overlays/{name}"), "shop").spec}) for name in ("sidecar", "sidecar-plain")
    )
    (sidecar,) = native.pop("initContainers")
    assert sidecar.pop("restartPolicy") == "Always"

    assert [found for found in plain["containers"] if found["name"] == EXPORTER] == [sidecar]
    plain["containers"] = [found for found in plain["containers"] if found["name"] != EXPORTER]
    assert plain == native
