"""Who may talk to whom in the cluster: what has to work does, and nothing else."""

from __future__ import annotations

import pytest

from tests.deploy.kubernetes.network import OUTSIDE, Network, Peer, peers
from tests.deploy.kubernetes.rendered import together

pytestmark = pytest.mark.xdist_group("kubernetes")  # one worker renders it all, once


EVERYTHING = ["monitoring", "overlays/standalone", "host", "overlays/sidecar-operator"]
STANDALONE, HOST = "monitoring/datastack-exporter", "monitoring-host/datastack-exporter-host"
SIDECAR = "shop/shop"
PROMETHEUS, ALERTMANAGER, GRAFANA = (
    f"monitoring/{name}" for name in ("prometheus", "alertmanager", "grafana")
)
NGINX = Peer("ingress-nginx", {"app.kubernetes.io/name": "ingress-nginx"})
DNS = Peer("kube-system", {"k8s-app": "kube-dns"})
APPLICATION = Peer("shop", {"datastack-exporter/app": "true"}, {"metrics": 8000})
STRANGER = Peer("shop", {"app": "stranger"})
PORTS = {PROMETHEUS: 9090, ALERTMANAGER: 9093, GRAFANA: 3000, STANDALONE: 9188, HOST: 9188, SIDECAR: 9188}

NEEDED = {
    (PROMETHEUS, STANDALONE),
    (PROMETHEUS, HOST),
    (PROMETHEUS, SIDECAR),
    (PROMETHEUS, ALERTMANAGER),
    (GRAFANA, PROMETHEUS),
    (GRAFANA, ALERTMANAGER),
}


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(together(EVERYTHING))


@pytest.fixture(scope="module")
def known() -> dict[str, Peer]:
    return peers(together(EVERYTHING))


def test_our_pods_reach_what_they_need_and_no_other_of_ours(network: Network, known: dict[str, Peer]) -> None:
    assert known.keys() == PORTS.keys()
    reached = {
        (source, target)
        for source in known
        for target, port in PORTS.items()
        if source != target and network.allows(known[source], known[target], port)
    }

    assert reached == NEEDED


def test_nobody_else_reaches_them(network: Network, known: dict[str, Peer]) -> None:
    for target, port in PORTS.items():
        for source in (STRANGER, APPLICATION, NGINX, OUTSIDE):
            assert not network.allows(source, known[target], port), (source, target)


def test_the_ingress_reaches_the_three_pages_and_no_more(known: dict[str, Peer]) -> None:
    network = Network(together(["overlays/monitoring", *EVERYTHING[1:]]))

    reached = {target for target, port in PORTS.items() if network.allows(NGINX, known[target], port)}
    assert reached == {PROMETHEUS, ALERTMANAGER, GRAFANA}
    assert not network.allows(NGINX, known[STANDALONE], 9188)
    assert not network.allows(OUTSIDE, known[GRAFANA], 3000)


def test_what_goes_out(network: Network, known: dict[str, Peer]) -> None:
    out = {
        name: {
            port
            for port in (80, 443, 587, 5432, 6379, 6432, 6443, 8080)
            if network.allows(peer, OUTSIDE, port)
        }
        for name, peer in known.items()
        if name != SIDECAR  # the application's own business
    }

    assert out == {
        PROMETHEUS: {443, 6443},
        ALERTMANAGER: {443, 587},
        GRAFANA: set(),
        STANDALONE: {5432, 6379, 6432},
        HOST: set(),
    }


def test_names_are_resolved_and_applications_scraped(network: Network, known: dict[str, Peer]) -> None:
    for name in (PROMETHEUS, ALERTMANAGER, GRAFANA, STANDALONE):
        assert network.allows(known[name], DNS, 53, "UDP"), name
    assert not network.allows(known[HOST], DNS, 53, "UDP")
    assert network.allows(known[PROMETHEUS], APPLICATION, 8000)
    assert not network.allows(known[PROMETHEUS], STRANGER, 8000)
    assert not network.allows(known[GRAFANA], APPLICATION, 8000)


def test_a_pod_that_nothing_isolates_stays_open_without_the_component(known: dict[str, Peer]) -> None:
    """A policy for sidecars would shut the application off from its own clients."""
    plain = Network(together(["monitoring", "overlays/sidecar"]))

    assert plain.allows(STRANGER, known[SIDECAR], 5432)
    assert not Network(together(EVERYTHING)).allows(STRANGER, known[SIDECAR], 5432)
