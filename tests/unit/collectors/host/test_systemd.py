"""The page of what systemd told; no bus."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.host import systemd
from exporter.sources.host import HostOptions
from exporter.sources.host.systemd_units import OF_UNITS, Seen, Unit
from tests.record_host import page
from tests.servers.page import samples_of

ANYTHING = st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.lists(st.text()), st.binary())


def shown(
    *units: Unit, manager: Mapping[str, object] | None = None, states: Mapping[str, int] | None = None
) -> Mapping[str, Mapping[frozenset[tuple[str, str]], float]]:
    return samples_of(page(systemd.tables(Seen(manager or {}, states or {}, units))).decode())


def states_of(name: str, of: Mapping[frozenset[tuple[str, str]], float]) -> dict[str, float]:
    labelled = {tuple(sorted(labels)): value for labels, value in of.items()}
    return {
        dict(labels)["state"]: value for labels, value in labelled.items() if dict(labels)["name"] == name
    }


def test_each_unit_has_each_state():
    samples = shown(Unit("a.service", "activating", {"Type": "oneshot", "NRestarts": 0}))
    states = states_of("a.service", samples["node_systemd_unit_state"])
    assert states == {"active": 0, "activating": 1, "deactivating": 0, "inactive": 0, "failed": 0}
    assert {dict(labels)["type"] for labels in samples["node_systemd_unit_state"]} == {"oneshot"}
    assert samples["node_systemd_service_restart_total"] == {frozenset({("name", "a.service")}): 0}


def test_a_state_that_upstream_does_not_list_is_counted_and_no_unit_has_it():
    samples = shown(Unit("a.service", "reloading", {}), states={"reloading": 1})
    assert set(states_of("a.service", samples["node_systemd_unit_state"]).values()) == {0}
    counts = {dict(labels)["state"]: value for labels, value in samples["node_systemd_units"].items()}
    others = dict.fromkeys(("active", "activating", "deactivating", "inactive", "failed"), 0)
    assert counts == {**others, "reloading": 1}


def test_names_come_out_as_systemd_writes_them():
    name = r"dev-disk-by\x2duuid.mount"
    samples = shown(Unit(name, "active", {"Type": "ext4"}))
    on = {("name", name), ("state", "active"), ("type", "ext4")}
    assert samples["node_systemd_unit_state"][frozenset(on)] == 1


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ("252.39-1~deb12u2", 252.39),
        ("v257-rc1", 257),
        ("245 (245.4-4ubuntu3.24)", 245),
        ("56", None),
        (56, None),
    ],
)
def test_number_of_a_version(version, number):
    samples = shown(manager={"Version": version})
    assert samples.get("node_systemd_version", {}) == (
        {} if number is None else {frozenset({("version", version)}): number}
    )


def test_only_running_is_up():
    assert shown(manager={"SystemState": "running"})["node_systemd_system_running"] == {frozenset(): 1}
    assert shown(manager={"SystemState": "degraded"})["node_systemd_system_running"] == {frozenset(): 0}
    assert "node_systemd_system_running" not in shown()


def test_virtualization_of_a_machine_of_its_own_is_none():
    for told, label in (("", "none"), ("kvm", "kvm")):
        samples = shown(manager={"Virtualization": told})
        assert samples["node_systemd_virtualization_info"] == {frozenset({("virtualization_type", label)}): 1}


@given(
    st.dictionaries(
        st.tuples(st.text(), st.sampled_from((*OF_UNITS, "target"))),
        st.tuples(st.text(), st.dictionaries(st.sampled_from(("Type", "NRestarts", "NAccepted")), ANYTHING)),
        max_size=5,
    ),
    st.dictionaries(st.sampled_from(("Version", "SystemState", "Virtualization")), ANYTHING),
)
def test_whatever_is_told_there_is_a_page(told, manager):
    units = [Unit(f"{name}.{kind}", state, properties) for (name, kind), (state, properties) in told.items()]
    samples = shown(*units, manager=manager, states={"active": len(units)})
    assert len(samples.get("node_systemd_unit_state", {})) == 5 * len(units)


def test_system_bus_is_below_the_roots_unless_given():
    assert HostOptions().system_bus == "/run/dbus/system_bus_socket"
    assert HostOptions(rootfs="/host/").system_bus == "/host/run/dbus/system_bus_socket"
    assert HostOptions(rootfs="/host", systemd_bus="/a/bus").system_bus == "/a/bus"


def test_library_is_not_loaded_before_it_is_needed():
    code = "import sys, exporter.collectors as c; c.discover(); print('jeepney' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
