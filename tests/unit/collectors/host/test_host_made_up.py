"""What the recorded machine has not: sensors, bonds, arrays of disks, changing frequencies, SELinux."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.collectors.host import mdadm
from exporter.collectors.host._hwmon_names import File, file_of
from exporter.sources.host.fake import FakeHost
from tests.record_host import collect, page
from tests.unit.collectors.host import made_up


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up.write(tmp_path_factory.mktemp("made-up"))


def lines(name: str, folder: Path) -> set[str]:
    text = page(collect(name, FakeHost(folder))).decode()
    return {line for line in text.splitlines() if not line.startswith("#")}


def test_temperatures_and_fans_in_their_units(folder):
    assert lines("hwmon", folder) == {
        'node_hwmon_chip_names{chip="coretemp",chip_name="coretemp"} 1',
        'node_hwmon_chip_names{chip="nct6775",chip_name="nct6775"} 1',
        'node_hwmon_sensor_label{chip="coretemp",sensor="temp1",label="Package id 0"} 1',
        'node_hwmon_temp_celsius{chip="coretemp",sensor="temp1"} 45.0',
        'node_hwmon_temp_max_celsius{chip="coretemp",sensor="temp1"} 80.0',
        'node_hwmon_temp_crit_celsius{chip="coretemp",sensor="temp1"} 100.0',
        'node_hwmon_temp_crit_alarm_celsius{chip="coretemp",sensor="temp1"} 0.0',
        'node_hwmon_fan_rpm{chip="nct6775",sensor="fan2"} 1098.0',
        'node_hwmon_fan_min_rpm{chip="nct6775",sensor="fan2"} 0.0',
        'node_hwmon_fan_alarm{chip="nct6775",sensor="fan2"} 1.0',
        'node_hwmon_in_volts{chip="nct6775",sensor="in0"} 0.84',
        'node_hwmon_pwm{chip="nct6775",sensor="pwm1"} 127.0',
        'node_hwmon_pwm_enable{chip="nct6775",sensor="pwm1"} 5.0',
        'node_hwmon_power_watt{chip="nct6775",sensor="power1"} 12.5',
        'node_hwmon_energy_joule_total{chip="nct6775",sensor="energy1"} 3.0',
        'node_hwmon_curr_amps{chip="nct6775",sensor="curr1"} 1.5',
        'node_hwmon_beep_enabled{chip="nct6775",sensor="beep_enable0"} 1.0',
        'node_hwmon_update_interval_seconds{chip="nct6775",sensor="update_interval0"} 1.5',
        'node_hwmon_voltage_regulator_version{chip="nct6775",sensor="vrm0"} 90.0',
    }


def test_chip_is_named_by_its_place_and_two_at_one_place_by_their_names(tmp_path):
    made_up.write(tmp_path)
    device = tmp_path / "sys/devices/pci0000:00/0000:01:00.0"
    device.mkdir(parents=True)
    for number in (0, 1):
        (tmp_path / f"sys/class/hwmon/hwmon{number}/device").symlink_to(device)
    chips = {line.partition(",")[0] for line in lines("hwmon", tmp_path)}
    assert {chip.partition("{")[2] for chip in chips} == {
        'chip="pci0000:00_0000:01:00_0_coretemp"',
        'chip="pci0000:00_0000:01:00_0_nct6775"',
    }


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("temp12_crit_hyst", File("temp12", "temp", "crit_hyst")),
        ("pwm1", File("pwm1", "pwm", "")),
        ("fan3_input", File("fan3", "fan", "input")),
        ("update_interval", File("update_interval0", "update_interval", "")),
        ("uevent", None),
        ("name", None),
        ("temperature1_input", None),
    ],
)
def test_names_of_sensors_files(name, file):
    assert file_of(name) == file


def test_zones_and_what_cools_them(folder):
    assert lines("thermal_zone", folder) == {
        'node_thermal_zone_temp{zone="0",type="x86_pkg_temp"} 44.5',
        'node_cooling_device_cur_state{name="0",type="Processor"} 1',
        'node_cooling_device_max_state{name="0",type="Processor"} 10',
    }


def test_frequencies_in_hertz_of_the_cores_that_have_them(folder):
    assert lines("cpufreq", folder) == {
        'node_cpu_frequency_min_hertz{cpu="0"} 800000000',
        'node_cpu_frequency_max_hertz{cpu="0"} 3500000000',
        'node_cpu_scaling_frequency_hertz{cpu="0"} 2300000000',
        'node_cpu_scaling_frequency_min_hertz{cpu="0"} 800000000',
        'node_cpu_scaling_frequency_max_hertz{cpu="0"} 3500000000',
        'node_cpu_scaling_governor{cpu="0",governor="performance"} 0',
        'node_cpu_scaling_governor{cpu="0",governor="powersave"} 1',
    }


def test_bonds_and_how_many_of_their_devices_have_a_link(folder):
    assert lines("bonding", folder) == {
        'node_bonding_slaves{master="bond0"} 2',
        'node_bonding_active{master="bond0"} 1',
        'node_bonding_slaves{master="bond1"} 0',
        'node_bonding_active{master="bond1"} 0',
    }


def test_arrays():
    arrays = {array.name: array[1:] for array in mdadm.parse(made_up.MDSTAT)}
    assert arrays == {
        "md3": ("active", 4, 1, 1, 4, 5853468288, 5853468288),
        "md6": ("recovering", 1, 1, 1, 2, 195310144, 16775552),
        "md7": ("resync", 2, 0, 0, 2, 7813735424, 0),
        "md8": ("active", 2, 0, 0, 2, 314159265, 314159265),
        "md9": ("check", 2, 0, 0, 2, 1000, 125),
        "md127": ("inactive", 0, 0, 2, 0, 7932, 7932),
    }


def test_state_of_an_array_is_one_of_five(folder):
    shown = lines("mdadm", folder)
    assert 'node_md_state{device="md6",state="recovering"} 1' in shown
    assert 'node_md_state{device="md6",state="active"} 0' in shown
    assert 'node_md_disks{device="md6",state="failed"} 1' in shown
    assert 'node_md_disks_required{device="md6"} 2' in shown
    assert 'node_md_degraded{device="md3"} 0' in shown


def test_waiting_for_a_core(folder):
    assert lines("schedstat", folder) == {
        'node_schedstat_running_seconds_total{cpu="0"} 2045.936778163',
        'node_schedstat_running_seconds_total{cpu="1"} 1904.686152592',
        'node_schedstat_waiting_seconds_total{cpu="0"} 3.21006155',
        'node_schedstat_waiting_seconds_total{cpu="1"} 3.642e-06',
        'node_schedstat_timeslices_total{cpu="0"} 4767485',
        'node_schedstat_timeslices_total{cpu="1"} 5145567',
    }


def test_processes_and_threads_by_state(folder):
    shown = lines("processes", folder)
    assert {line for line in shown if "state" in line} == {
        'node_processes_state{state="S"} 1',
        'node_processes_state{state="R"} 1',
        'node_processes_threads_state{thread_state="S"} 2',
        'node_processes_threads_state{thread_state="R"} 1',
        'node_processes_threads_state{thread_state="D"} 1',
    }
    assert {"node_processes_threads 4", "node_processes_pids 2", "node_processes_max_threads 100000"} <= shown


def test_connections_by_state_and_what_waits_in_them(folder):
    values = {line.split('"')[1]: int(line.rpartition(" ")[2]) for line in lines("tcpstat", folder)}
    assert {state: count for state, count in values.items() if count} == {
        "listen": 1,
        "established": 2,
        "time_wait": 1,
        "tx_queued_bytes": 17,
        "rx_queued_bytes": 35,
    }
    assert values["close_wait"] == 0


def test_selinux(folder):
    assert lines("selinux", folder) == {
        "node_selinux_enabled 1",
        "node_selinux_current_mode 1",
        "node_selinux_config_mode 0",
    }


def test_names_of_the_system(folder):
    shown = lines("os", folder)
    assert 'node_os_version{id="x",id_like="",name="A \\"B\\""} 9.4' in shown
    assert "node_os_support_end_timestamp_seconds 1906416000.0" in shown
