"""How well the host's clock is kept, from adjtimex(2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter, gauge
from exporter.model.table import Table, Value, single
from exporter.sources.host import Host

NOT_SYNCHRONISED = 5
STA_NANO = 0x2000
MICROSECONDS = 1e6
NANOSECONDS = 1e9
PPM_16 = 1e6 * 65536
"""Frequencies are in parts per million, with 16 bits behind the point."""

Fields = dict[str, int]


def _as_it_is(name: str) -> Callable[[Fields], Value]:
    return lambda fields: fields[name]


def _divided(name: str, by: float) -> Callable[[Fields], Value]:
    return lambda fields: fields[name] / by


def _by_status(name: str) -> Callable[[Fields], Value]:
    """Nanoseconds or microseconds: the status says which."""
    return lambda fields: fields[name] / (NANOSECONDS if fields["status"] & STA_NANO else MICROSECONDS)


METRICS = {
    gauge("node_timex_sync_status", "1 if the clock is synchronised, 0 if it is not."): lambda fields: int(
        fields["state"] != NOT_SYNCHRONISED
    ),
    gauge("node_timex_offset_seconds", "How far the clock is from its reference."): _by_status("offset"),
    gauge(
        "node_timex_frequency_adjustment_ratio", "How much faster or slower the clock is made to run."
    ): lambda fields: 1 + fields["freq"] / PPM_16,
    gauge("node_timex_maxerror_seconds", "How wrong the clock is at most."): _divided(
        "maxerror", MICROSECONDS
    ),
    gauge("node_timex_estimated_error_seconds", "How wrong the clock probably is."): _divided(
        "esterror", MICROSECONDS
    ),
    gauge("node_timex_status", "The bits of the clock's state, as STA_UNSYNC."): _as_it_is("status"),
    gauge("node_timex_loop_time_constant", "Time constant of the loop that corrects the clock."): _as_it_is(
        "constant"
    ),
    gauge("node_timex_tick_seconds", "Time between two ticks of the clock."): _divided("tick", MICROSECONDS),
    gauge("node_timex_pps_frequency_hertz", "Frequency of the pulse per second."): _divided(
        "ppsfreq", PPM_16
    ),
    gauge("node_timex_pps_jitter_seconds", "Jitter of the pulse per second."): _by_status("jitter"),
    gauge("node_timex_pps_shift_seconds", "Length of an interval of pulses per second."): _as_it_is("shift"),
    gauge("node_timex_pps_stability_hertz", "How steady the frequency of the pulses is."): _divided(
        "stabil", PPM_16
    ),
    counter("node_timex_pps_jitter_total", "Pulses whose jitter was over the limit."): _as_it_is("jitcnt"),
    counter("node_timex_pps_calibration_total", "Intervals of pulses that were used."): _as_it_is("calcnt"),
    counter("node_timex_pps_error_total", "Intervals of pulses with an error."): _as_it_is("errcnt"),
    counter("node_timex_pps_stability_exceeded_total", "Intervals that were not steady enough."): _as_it_is(
        "stbcnt"
    ),
    gauge("node_timex_tai_offset_seconds", "How far atomic time is ahead of UTC."): _as_it_is("tai"),
}


def build(host: Host) -> Collect:
    """Asks the kernel, and sets nothing."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        fields = dict(host.timex())
        return [single([(metric, value(fields)) for metric, value in METRICS.items()])]

    return collect


COLLECTOR = CollectorSpec(
    help="How well the host's clock is kept, from adjtimex(2).",
    source="host",
    metrics=tuple(METRICS),
    build=build,
    docs="adjtimex(2)",
    explain=lambda _: "calls adjtimex(2) with modes=0, which sets nothing",
)
