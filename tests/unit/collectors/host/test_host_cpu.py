"""CPU counters never fall, and each core keeps its label."""

from __future__ import annotations

from exporter.collectors.host import cpu
from exporter.collectors.host.cpu import CORE_THROTTLES, JUMP_TICKS, TICKS_PER_SECOND, Throttles
from exporter.model.table import Table
from exporter.sources.host.fake import FakeHost
from tests.unit.collectors.host.test_host_golden import RECORDING

SECOND = TICKS_PER_SECOND


def line(core: int, idle: int = 900 * SECOND, iowait: int = 50, user: int = 100) -> str:
    return f"cpu{core} {user} 2 30 {idle} {iowait} 6 7 8 9 10"


def seconds(table: Table) -> dict[tuple[str, ...], object]:
    return dict(zip(table.rows, table.columns[0].values, strict=True))


def test_small_steps_back_are_not_shown():
    before = cpu.parse(line(0))
    now = cpu.monotone(before, cpu.parse(line(0, idle=900 * SECOND - 40, iowait=20, user=130)))
    shown = seconds(cpu.tables(now)[0])
    assert shown["0", "idle"] == 900
    assert shown["0", "iowait"] == 50 / SECOND
    assert shown["0", "user"] == 130 / SECOND


def test_shown_value_holds_until_the_counter_has_caught_up():
    shown: cpu.Times = cpu.parse(line(0, iowait=50))
    for iowait, expected in ((20, 50), (45, 50), (51, 51)):
        shown = cpu.monotone(shown, cpu.parse(line(0, iowait=iowait)))
        assert seconds(cpu.tables(shown)[0])["0", "iowait"] == expected / SECOND


def test_core_that_was_off_starts_anew():
    before = cpu.parse(line(0))
    now = cpu.monotone(before, cpu.parse(line(0, idle=900 * SECOND - JUMP_TICKS, user=1)))
    assert seconds(cpu.tables(now)[0])["0", "user"] == 1 / SECOND


def test_offline_core_goes_and_the_others_keep_their_labels():
    before = cpu.parse("\n".join(line(core, user=core * SECOND) for core in range(4)))
    now = cpu.monotone(before, cpu.parse("\n".join(line(core, user=core * SECOND) for core in (0, 1, 3))))
    shown = seconds(cpu.tables(now)[0])
    assert {core for core, _ in shown} == {"0", "1", "3"}
    assert shown["3", "user"] == 3


def test_kernel_without_guests_has_no_guest_rows():
    seconds_table, guests = cpu.tables(cpu.parse("cpu0 1 2 3 4 5 6 7"))
    assert [mode for _, mode in seconds_table.rows] == [
        "user",
        "nice",
        "system",
        "idle",
        "iowait",
        "irq",
        "softirq",
    ]
    assert guests.rows == []


def test_guests_are_shown_apart():
    _, guests = cpu.tables(cpu.parse(line(7)))
    assert seconds(guests) == {("7", "user"): 9 / SECOND, ("7", "nice"): 10 / SECOND}


def test_later_modes_of_newer_kernels_are_ignored():
    assert cpu.parse(line(0) + " 11 12") == cpu.parse(line(0))


def test_lists_of_cores():
    assert cpu.cores("0-3,8,10-11\n".strip()) == [0, 1, 2, 3, 8, 10, 11]
    assert cpu.cores("") == []
    assert cpu.cores("3-1,x,5-,0-99999999999") == []


def test_online_tells_which_of_the_present_cores_are_on():
    assert seconds(cpu.online("0-2", "0,2")) == {("0",): 1, ("1",): 0, ("2",): 1}


class WithThrottles(FakeHost):
    """Two packages of two cores of two threads."""

    def sys_or_none(self, relative: str) -> str | None:
        number = int(relative.split("/")[3].removeprefix("cpu"))
        return {
            "core_throttle_count": f"{number * 10}",
            "package_throttle_count": f"{number * 100}",
            "physical_package_id": f"{number // 4}",
            "core_id": f"{number // 2 % 2}",
        }.get(relative.rpartition("/")[2])


def test_threads_of_a_core_count_once():
    by_core, by_package = Throttles(WithThrottles(RECORDING)).tables("0-7")
    assert by_core.columns[0].metric is CORE_THROTTLES
    assert seconds(by_core) == {("0", "0"): 0, ("0", "1"): 20, ("1", "0"): 40, ("1", "1"): 60}
    assert seconds(by_package) == {("0",): 0, ("1",): 400}


def test_machine_without_throttles_has_no_rows():
    assert [table.rows for table in Throttles(FakeHost(RECORDING)).tables("0-1")] == [[], []]
