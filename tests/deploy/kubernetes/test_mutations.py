"""The checks themselves: each sees a fault of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.deploy.kubernetes import pod_security
from tests.deploy.kubernetes.agreement import findings
from tests.deploy.kubernetes.applied import APPLIED
from tests.deploy.kubernetes.conformance import VERSIONS, refusals
from tests.deploy.kubernetes.pods import pods
from tests.deploy.kubernetes.rendered import Object, together

pytestmark = pytest.mark.xdist_group("kubernetes")  # one worker renders it all, once


EXPORTER = "datastack-exporter"

Change = Callable[[list[Object]], None]


def _spec(found: list[Object], name: str) -> dict[str, Any]:
    spec: dict[str, Any] = next(
        o["spec"]["template"]["spec"]
        for o in found
        if "template" in o.get("spec", {}) and o["metadata"]["name"] == name
    )
    return spec


def _context(found: list[Object]) -> dict[str, Any]:
    context: dict[str, Any] = _spec(found, EXPORTER)["containers"][0]["securityContext"]
    return context


def _named(found: list[Object], kind: str, name: str) -> Object:
    return next(o for o in found if (o["kind"], o["metadata"]["name"]) == (kind, name))


def _privileged(found: list[Object]) -> None:
    _context(found)["privileged"] = True


def _root(found: list[Object]) -> None:
    _context(found)["runAsUser"] = 0


def _capability(found: list[Object]) -> None:
    _context(found)["capabilities"]["add"] = ["SYS_PTRACE"]


def _host_port(found: list[Object]) -> None:
    _spec(found, EXPORTER)["containers"][0]["ports"][0]["hostPort"] = 9188


def _seccomp(found: list[Object]) -> None:
    del _spec(found, "grafana")["securityContext"]["seccompProfile"]


@pytest.mark.parametrize(
    ("change", "control"),
    [
        (_privileged, "privileged"),
        (_root, "runAsUser 0"),
        (_capability, "capability SYS_PTRACE"),
        (_host_port, "hostPort"),
        (_seccomp, "seccomp"),
    ],
)
def test_a_pod_that_is_not_restricted_is_seen(change: Change, control: str) -> None:
    found = deepcopy(together(APPLIED["monitoring"]))
    change(found)

    seen = {line.rpartition(": ")[2] for each in pods(found) for line in pod_security.violations(each)}
    assert control in seen


def _secret_key(found: list[Object]) -> None:
    _named(found, "Secret", "grafana")["data"]["password"] = _named(found, "Secret", "grafana")["data"].pop(
        "admin_password"
    )


def _no_secret(found: list[Object]) -> None:
    found.remove(_named(found, "Secret", "alertmanager"))


def _item(found: list[Object]) -> None:
    _named(found, "ConfigMap", "prometheus-rules")["data"].pop("redis.yml")


def _port_name(found: list[Object]) -> None:
    _spec(found, EXPORTER)["containers"][0]["ports"][0]["name"] = "metrics"


def _label(found: list[Object]) -> None:
    _named(found, "Service", "prometheus")["spec"]["selector"] = {"app": "prometheus"}


def _policy(found: list[Object]) -> None:
    _named(found, "NetworkPolicy", "grafana")["spec"]["podSelector"]["matchLabels"] = {"app": "grafana"}


def _config_file(found: list[Object]) -> None:
    _spec(found, EXPORTER)["containers"][0]["args"][1] = "--config.file=/etc/datastack-exporter/config.yaml"


def _token(found: list[Object]) -> None:
    _spec(found, EXPORTER)["automountServiceAccountToken"] = True


def _account(found: list[Object]) -> None:
    _named(found, "ClusterRoleBinding", "datastack-prometheus")["subjects"][0]["namespace"] = "default"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_secret_key, "grafana/grafana: no file /run/secrets/admin_password"),
        (_no_secret, "no Secret alertmanager in monitoring"),
        (_item, "ConfigMap prometheus-rules has no key redis.yml"),
        (_port_name, "livenessProbe asks at a port datastack"),
        (_port_name, "Service datastack-exporter: no port datastack"),
        (_port_name, "NetworkPolicy datastack-exporter: no port datastack"),
        (_label, "Service prometheus: it selects 0 workloads"),
        (_policy, "NetworkPolicy grafana: it selects no pod"),
        (_config_file, "no file /etc/datastack-exporter/config.yaml"),
        (_token, "can't be mounted below /run/secrets"),
        (_account, "no ServiceAccount prometheus"),
    ],
)
def test_what_does_not_agree_is_seen(change: Change, said: str) -> None:
    found = deepcopy(together(APPLIED["monitoring"]))
    change(found)

    assert any(said in line for line in findings(found)), findings(found)


def _misspelt() -> Iterator[tuple[Object, str]]:
    found = deepcopy(together(APPLIED["operator"]))
    deployment = _named(found, "Deployment", EXPORTER)
    deployment["spec"]["template"]["spec"]["containers"][0]["restartPolcy"] = "Always"
    yield deployment, "'restartPolcy' was unexpected"
    monitor = _named(found, "PodMonitor", EXPORTER)
    monitor["spec"]["podMetricsEndpoints"][0]["relabelings"][0]["source_labels"] = []
    yield monitor, "'source_labels' was unexpected"
    rule = _named(found, "PrometheusRule", "datastack-redis")
    rule["spec"]["groups"][0]["rules"][0]["for"] = "soon"
    yield rule, "spec.groups.0.rules.0"
    yield (
        {"apiVersion": "monitoring.coreos.com/v1", "kind": "Probe", "metadata": {"name": "x"}},
        "nobody knows",
    )
    yield {"apiVersion": "apps/v1beta1", "kind": "Deployment", "metadata": {"name": "x"}}, "nobody knows"


def test_what_a_release_would_refuse_is_seen() -> None:
    for found, said in _misspelt():
        lines = [*refusals([found], VERSIONS[-1])]
        assert any(said in line for line in lines), (said, lines)
