"""The host: processors, memory, disks, network. Counters as the kernel has them, since the boot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from exporter.http.api.data import Data, Place, With
from exporter.http.api.figures import Figures, Number, Read, of
from exporter.http.api.problems import documented
from exporter.http.api.times import Time, moment

router = APIRouter(prefix="/system", tags=["system"])

PRESSURE = "node_pressure_{}_seconds_total"


class Reading(BaseModel):
    """What all answers of this group begin with."""

    taken_at: Time = Field(description="When this was read.")


class Load(Figures):
    """Mean number of tasks that run or wait for a processor or a disk."""

    load1: Number = of("node_load1", "Over one minute.")
    load5: Number = of("node_load5", "Over five minutes.")
    load15: Number = of("node_load15", "Over fifteen minutes.")


class CpuTime(Figures):
    """Time that one core spent in one mode."""

    cpu: str = Field(default="", examples=["0"])
    mode: str = Field(default="", examples=["user"])
    seconds_total: Number = of("node_cpu_seconds_total")


class CpuPressure(Figures):
    """Time in which tasks waited for a processor."""

    waiting_seconds_total: Number = of(PRESSURE.format("cpu_waiting"))


class Cpu(Reading):
    """Processors."""

    cores: int = Field(description="Cores that are in use.")
    load: Load
    pressure: CpuPressure
    times: list[CpuTime]


class Memory(Figures):
    """The use of memory, from /proc/meminfo."""

    mem_total_bytes: Number = of("node_memory_MemTotal_bytes")
    mem_available_bytes: Number = of("node_memory_MemAvailable_bytes")
    mem_free_bytes: Number = of("node_memory_MemFree_bytes")
    buffers_bytes: Number = of("node_memory_Buffers_bytes")
    cached_bytes: Number = of("node_memory_Cached_bytes")
    dirty_bytes: Number = of("node_memory_Dirty_bytes")
    shmem_bytes: Number = of("node_memory_Shmem_bytes")
    swap_total_bytes: Number = of("node_memory_SwapTotal_bytes")
    swap_free_bytes: Number = of("node_memory_SwapFree_bytes")
    committed_as_bytes: Number = of("node_memory_Committed_AS_bytes")
    commit_limit_bytes: Number = of("node_memory_CommitLimit_bytes")
    huge_pages_total: Number = of("node_memory_HugePages_Total")
    huge_pages_free: Number = of("node_memory_HugePages_Free")


class MemoryPressure(Figures):
    """Time in which tasks waited for memory."""

    waiting_seconds_total: Number = of(PRESSURE.format("memory_waiting"))
    stalled_seconds_total: Number = of(PRESSURE.format("memory_stalled"))


class MemoryAnswer(Reading):
    """Memory."""

    memory: Memory
    pressure: MemoryPressure


class FileSystem(Figures):
    """How full one file system is."""

    device: str = ""
    mountpoint: str = ""
    fstype: str = ""
    size_bytes: Number = of("node_filesystem_size_bytes")
    free_bytes: Number = of("node_filesystem_free_bytes")
    avail_bytes: Number = of("node_filesystem_avail_bytes", "For any user.")
    files: Number = of("node_filesystem_files")
    files_free: Number = of("node_filesystem_files_free")


class Disk(Figures):
    """What one block device has done."""

    device: str = ""
    reads_completed_total: Number = of("node_disk_reads_completed_total")
    read_bytes_total: Number = of("node_disk_read_bytes_total")
    read_time_seconds_total: Number = of("node_disk_read_time_seconds_total")
    writes_completed_total: Number = of("node_disk_writes_completed_total")
    written_bytes_total: Number = of("node_disk_written_bytes_total")
    write_time_seconds_total: Number = of("node_disk_write_time_seconds_total")
    io_now: Number = of("node_disk_io_now")
    io_time_seconds_total: Number = of("node_disk_io_time_seconds_total")


class DiskPressure(Figures):
    """Time in which tasks waited for disks."""

    waiting_seconds_total: Number = of(PRESSURE.format("io_waiting"))
    stalled_seconds_total: Number = of(PRESSURE.format("io_stalled"))


class DiskAnswer(Reading):
    """File systems and block devices."""

    filesystems: list[FileSystem]
    disks: list[Disk]
    pressure: DiskPressure


class NetworkDevice(Figures):
    """The traffic of one network device."""

    device: str = ""
    receive_bytes_total: Number = of("node_network_receive_bytes_total")
    receive_packets_total: Number = of("node_network_receive_packets_total")
    receive_errs_total: Number = of("node_network_receive_errs_total")
    receive_drop_total: Number = of("node_network_receive_drop_total")
    transmit_bytes_total: Number = of("node_network_transmit_bytes_total")
    transmit_packets_total: Number = of("node_network_transmit_packets_total")
    transmit_errs_total: Number = of("node_network_transmit_errs_total")
    transmit_drop_total: Number = of("node_network_transmit_drop_total")
    speed_bytes: Number = of("node_network_speed_bytes", "Bytes a second.")


class NetworkAnswer(Reading):
    """Network devices."""

    devices: list[NetworkDevice]


async def _read(data: Data, target: str | None, collectors: Sequence[str]) -> tuple[Read, Time]:
    read = await data.snapshot(target, collectors, needs="host")
    return read, moment(read.snapshot.taken_at)


@router.get("/cpu", response_model=Cpu, responses=documented())
async def cpu(data: With, place: Annotated[Place, Query()]) -> Cpu:
    """Processors: load, pressure, and the time of each core in each mode."""
    read, taken_at = await _read(data, place.target, ("cpu", "loadavg", "pressure"))
    times = read.rows(CpuTime)
    return Cpu(
        taken_at=taken_at,
        cores=len({time.cpu for time in times}),
        load=read.one(Load),
        pressure=read.one(CpuPressure),
        times=times,
    )


@router.get("/memory", response_model=MemoryAnswer, responses=documented())
async def memory(data: With, place: Annotated[Place, Query()]) -> MemoryAnswer:
    """Memory: how it is used, and how much tasks wait for it."""
    read, taken_at = await _read(data, place.target, ("meminfo", "pressure"))
    return MemoryAnswer(taken_at=taken_at, memory=read.one(Memory), pressure=read.one(MemoryPressure))


@router.get("/disk", response_model=DiskAnswer, responses=documented())
async def disk(data: With, place: Annotated[Place, Query()]) -> DiskAnswer:
    """Disks: how full file systems are, and what block devices have done."""
    read, taken_at = await _read(data, place.target, ("filesystem", "diskstats", "pressure"))
    return DiskAnswer(
        taken_at=taken_at,
        filesystems=read.rows(FileSystem),
        disks=read.rows(Disk),
        pressure=read.one(DiskPressure),
    )


@router.get("/network", response_model=NetworkAnswer, responses=documented())
async def network(data: With, place: Annotated[Place, Query()]) -> NetworkAnswer:
    """Network: what each device has received and sent."""
    read, taken_at = await _read(data, place.target, ("netdev", "netclass"))
    return NetworkAnswer(taken_at=taken_at, devices=read.rows(NetworkDevice))
