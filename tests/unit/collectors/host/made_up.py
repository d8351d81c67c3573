"""A machine with what the recorded one has not: sensors, bonds, arrays of disks, changing frequencies."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from exporter.collectors.host import systemd
from exporter.model.table import Table
from exporter.sources.host.fake import FakeHost
from exporter.sources.host.options import HostOptions
from exporter.sources.host.systemd_units import Seen, Unit
from tests.record_host import LACKING, NOT_RECORDED, RECORDED, collect

MDSTAT = """\
Personalities : [raid1] [raid6] [raid5] [raid4] [raid0]
md3 : active raid6 sda1[8] sdh1[7] sdg1[6] sdf1[5] sdd1[9](S) sdb1[10](F)
      5853468288 blocks super 1.2 level 6, 64k chunk, algorithm 2 [4/4] [UUUU]

md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]
      195310144 blocks [2/1] [U_]
      [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec

md7 : active raid1 sdb3[1] sda3[0]
      7813735424 blocks super 1.2 [2/2] [UU]
      \tresync=DELAYED

md8 : active raid0 sda4[0] sdb4[1]
      314159265 blocks 64k chunks

md9 : active raid1 sdb5[1] sda5[0]
      1000 blocks [2/2] [UU]
      [==>..................]  check = 12.5% (125/1000) finish=1.0min speed=100K/sec

md127 : inactive sdb6[2](S) sdc6[1](S)
      7932 blocks super external:imsm

unused devices: <none>
"""

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D958 01 00000010:00000020 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0100007F:D958 0100007F:1F90 01 00000001:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 0100007F:1F90 0100007F:CAFE 06 00000000:00000000 03:00000173 00000000     0        0 0 3 0
"""

FREQUENCIES = {
    "cpuinfo_max_freq": "3500000",
    "cpuinfo_min_freq": "800000",
    "scaling_cur_freq": "2300000",
    "scaling_max_freq": "3500000",
    "scaling_min_freq": "800000",
    "scaling_governor": "powersave",
    "scaling_available_governors": "performance powersave",
}

SENSORS = {
    "hwmon0/name": "coretemp",
    "hwmon0/temp1_input": "45000",
    "hwmon0/temp1_max": "80000",
    "hwmon0/temp1_crit": "100000",
    "hwmon0/temp1_crit_alarm": "0",
    "hwmon0/temp1_label": "Package id 0",
    "hwmon1/name": "nct6775",
    "hwmon1/fan2_input": "1098",
    "hwmon1/fan2_min": "0",
    "hwmon1/fan2_alarm": "1",
    "hwmon1/in0_input": "840",
    "hwmon1/pwm1": "127",
    "hwmon1/pwm1_enable": "5",
    "hwmon1/power1_input": "12500000",
    "hwmon1/energy1_input": "3000000",
    "hwmon1/curr1_input": "1500",
    "hwmon1/beep_enable": "1",
    "hwmon1/update_interval": "1500",
    "hwmon1/vrm": "90",
    "hwmon1/temp3_input": "unreadable",
    "hwmon1/uevent": "",
}

FILES: Mapping[str, str] = {
    "proc/mdstat": MDSTAT,
    "proc/1/net/tcp": TCP,
    "proc/1/mountinfo": "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n",
    "proc/schedstat": "version 15\ntimestamp 4298087\ncpu0 0 0 0 0 0 0 2045936778163 3210061550 4767485\n"
    "domain0 03 0 0 0\ncpu1 0 0 0 0 0 0 1904686152592 3642 5145567\n",
    "proc/sys/kernel/threads-max": "100000\n",
    "proc/sys/kernel/pid_max": "32768\n",
    "proc/1/stat": "1 (systemd) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 3 4 5\n",
    "proc/20/stat": "20 (a ) R (x) R 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 3 4 5\n",
    "proc/20/task/20/stat": "20 (a) R 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 3 4 5\n",
    "proc/20/task/21/stat": "21 (b) D 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 3 4 5\n",
    "proc/20/task/22/stat": "22 (c) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 3 4 5\n",
    "sys/devices/system/cpu/present": "0-1\n",
    **{f"sys/devices/system/cpu/cpu0/cpufreq/{name}": text for name, text in FREQUENCIES.items()},
    **{f"sys/class/hwmon/{name}": text for name, text in SENSORS.items()},
    "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
    "sys/class/thermal/thermal_zone0/temp": "44500\n",
    "sys/class/thermal/cooling_device0/type": "Processor\n",
    "sys/class/thermal/cooling_device0/cur_state": "1\n",
    "sys/class/thermal/cooling_device0/max_state": "10\n",
    "sys/class/net/bonding_masters": "bond0 bond1\n",
    "sys/class/net/bond0/bonding/slaves": "eth1 eth2\n",
    "sys/class/net/bond1/bonding/slaves": "\n",
    "sys/class/net/eth1/bonding_slave/mii_status": "up\n",
    "sys/class/net/eth2/bonding_slave/mii_status": "down\n",
    "sys/block/md3/md/raid_disks": "4\n",
    "sys/block/md3/md/degraded": "0\n",
    "sys/fs/selinux/enforce": "1",
    "text/own.prom": "",
    "root/etc/selinux/config": "# comment\nSELINUX=permissive\nSELINUXTYPE=targeted\n",
    "root/etc/os-release": "ID=x\nVERSION_ID='9.4.1'\nBROKEN=\"a\nSUPPORT_END=2030-05-31\n"
    'NAME="A \\"B\\""\n',
}
SYSTEMD = Seen(
    {"Version": "257", "SystemState": "running", "Virtualization": "kvm"},
    {"active": 3},
    [
        Unit("a.service", "active", {"Type": "notify", "NRestarts": 1}),
        Unit("a.socket", "active", {"NAccepted": 3, "NConnections": 2, "NRefused": 1}),
        Unit("a.timer", "active", {"LastTriggerUSec": 1_700_000_000_000_000}),
    ],
)
"""What is no file."""


def tables() -> list[Table]:
    """What the collectors show of it that show nothing of the recorded machine."""
    with TemporaryDirectory() as folder:
        host = FakeHost(write(Path(folder)), HostOptions(textfile_directory=f"{folder}/text"))
        names = sorted((LACKING | NOT_RECORDED | {"textfile"}) - {"systemd"})
        return [*(table for name in names for table in collect(name, host)), *systemd.tables(SYSTEMD)]


def write(folder: Path) -> Path:
    """Writes the machine's files into a folder, with the answers of the recorded one."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(min(RECORDED.iterdir()) / "answers.json", folder)
    return folder
