"""The controls of the Pod Security Standards, baseline and restricted, for pods of Linux.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.deploy.kubernetes.pods import Pod

BASELINE_CAPABILITIES = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
}
SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")

Context = Mapping[str, Any]


def violations(pod: Pod) -> set[str]:
    """The names of the controls that a pod does not meet, each with where."""
    found = {*_pod(pod)}
    for container in pod.containers():
        context = container.get("securityContext") or {}
        found |= {
            f"{container['name']}: {control}"
            for checks in (_baseline(context), _restricted(context, pod.spec.get("securityContext") or {}))
            for control in checks
        }
        found |= {f"{container['name']}: {control}" for control in _outward(container)}
    return found


def _pod(pod: Pod) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(name):
            yield name
    for volume in pod.spec.get("volumes", []):
        for kind in volume.keys() - {"name"} - VOLUMES:
            yield f"volume type {kind}"
    context = pod.spec.get("securityContext") or {}
    for sysctl in context.get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    if context.get("runAsUser") == 0:
        yield "runAsUser 0"
    yield from _shared(context)


def _shared(context: Context) -> Iterator[str]:
    """What stands in a pod's security context as well as in a container's."""
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "hostProcess"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "SELinux"
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        yield "AppArmor"
    if (context.get("seccompProfile") or {}).get("type") == "Unconfined":
        yield "seccomp unconfined"


def _baseline(context: Context) -> Iterator[str]:
    if context.get("privileged"):
        yield "privileged"
    for name in (context.get("capabilities") or {}).get("add", []):
        if name not in BASELINE_CAPABILITIES:
            yield f"capability {name}"
    if context.get("procMount", "Default") != "Default":
        yield "procMount"
    yield from _shared(context)


def _restricted(context: Context, of_pod: Context) -> Iterator[str]:
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if context.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot"
    if context.get("runAsUser") == 0:
        yield "runAsUser 0"
    seccomp = context.get("seccompProfile") or of_pod.get("seccompProfile") or {}
    if seccomp.get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccomp"
    capabilities = context.get("capabilities") or {}
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities not dropped"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities added"


def _outward(container: Mapping[str, Any]) -> Iterator[str]:
    """What reaches for the node, or has the kubelet ask another host."""
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "hostPort"
    hooks = (container.get("lifecycle") or {}).values()
    for probe in [*(container.get(name) or {} for name in PROBES), *hooks]:
        if any((probe.get(how) or {}).get("host") for how in ("httpGet", "tcpSocket")):
            yield "host of a probe"
