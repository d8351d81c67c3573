"""A Sentinel: itself, its masters with their replicas, and whether a failover could be agreed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.collectors.redis._field import Field
from exporter.collectors.redis._sentinel import MASTER_LABELS, Instance, Master, SentinelView, is_ok
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter, gauge
from exporter.model.table import Labels, Table, Value, by_row, single
from exporter.sources.redis import RedisSource
from exporter.sources.redis.info import number
from exporter.sources.redis.topology import instance_flags

FIELDS = (
    Field("sentinel_masters", gauge("redis_sentinel_masters", "Masters that this Sentinel watches.")),
    Field("sentinel_tilt", gauge("redis_sentinel_tilt", "1 in TILT mode, in which it does not act.")),
    Field(
        "sentinel_total_tilt",
        counter("redis_sentinel_tilts_total", "Times that it went into TILT mode; only where INFO tells it."),
    ),
    Field(
        "sentinel_running_scripts",
        gauge("redis_sentinel_running_scripts", "Notification scripts that run just now."),
    ),
    Field(
        "sentinel_scripts_queue_length",
        gauge("redis_sentinel_scripts_queue_length", "Notification scripts that wait to be run."),
    ),
    Field(
        "sentinel_simulate_failure_flags",
        gauge("redis_sentinel_simulate_failure_flags", "Bits of SENTINEL SIMULATE-FAILURE that are set."),
    ),
)

STATUS = gauge(
    "redis_sentinel_master_status",
    "1 if the master is well, with its state (ok, sdown, odown) as a label.",
    (*MASTER_LABELS, "master_status"),
)
QUORUM = gauge(
    "redis_sentinel_master_ckquorum_status",
    "1 if enough Sentinels are up to agree on a failover; the label message says what is missing.",
    ("master_name", "message"),
)
FAILOVERS = counter(
    "redis_sentinel_master_failovers_total",
    "Failovers of the master since the exporter began to look; each of its Sentinels sees the same ones.",
    ("master_name",),
)
OF_INFO = {
    "slaves": gauge("redis_sentinel_master_slaves", "Replicas of the master that are known.", MASTER_LABELS),
    "sentinels": gauge(
        "redis_sentinel_master_sentinels",
        "Sentinels of the master that are known, this one included.",
        MASTER_LABELS,
    ),
}
OF_MASTERS = {
    "config-epoch": gauge(
        "redis_sentinel_master_config_epoch", "Epoch of the last failover of the master.", MASTER_LABELS
    ),
    "quorum": gauge(
        "redis_sentinel_master_setting_ckquorum",
        "Configured number of Sentinels that have to hold the master for down.",
        MASTER_LABELS,
    ),
    "down-after-milliseconds": gauge(
        "redis_sentinel_master_setting_down_after_milliseconds",
        "Configured silence in milliseconds after which the master counts as down.",
        MASTER_LABELS,
    ),
    "failover-timeout": gauge(
        "redis_sentinel_master_setting_failover_timeout",
        "Configured timeout of a failover in milliseconds.",
        MASTER_LABELS,
    ),
    "parallel-syncs": gauge(
        "redis_sentinel_master_setting_parallel_syncs",
        "Configured number of replicas that sync with a new master at the same time.",
        MASTER_LABELS,
    ),
}
LAST_PING = gauge(
    "redis_sentinel_master_last_ok_ping_reply_seconds",
    "Seconds since the master last answered a PING well.",
    MASTER_LABELS,
)
OK_SENTINELS = gauge(
    "redis_sentinel_master_ok_sentinels",
    "Sentinels of the master that are up, this one included.",
    MASTER_LABELS,
)
OK_SLAVES = gauge("redis_sentinel_master_ok_slaves", "Replicas of the master that are up.", MASTER_LABELS)
FLAGS = {
    "s_down": gauge(
        "redis_sentinel_master_subjectively_down",
        "1 while this Sentinel holds the master for down.",
        MASTER_LABELS,
    ),
    "o_down": gauge(
        "redis_sentinel_master_objectively_down",
        "1 while as many Sentinels as the quorum hold the master for down.",
        MASTER_LABELS,
    ),
    "failover_in_progress": gauge(
        "redis_sentinel_master_failover_in_progress",
        "1 while this Sentinel leads a failover of the master.",
        MASTER_LABELS,
    ),
}
MASTER_METRICS = (
    *OF_INFO.values(),
    *OF_MASTERS.values(),
    LAST_PING,
    OK_SENTINELS,
    OK_SLAVES,
    *FLAGS.values(),
)

SLAVE_LABELS = ("master_name", "slave_address")
SLAVE_METRICS = (
    gauge("redis_sentinel_slave_ok", "1 unless this Sentinel holds the replica for down.", SLAVE_LABELS),
    gauge(
        "redis_sentinel_slave_master_link_up",
        "1 if the replica's connection to its master is up, when it last told the Sentinel.",
        SLAVE_LABELS,
    ),
    gauge(
        "redis_sentinel_slave_master_link_down_seconds",
        "Seconds for which that connection had been down.",
        SLAVE_LABELS,
    ),
    gauge(
        "redis_sentinel_slave_repl_offset",
        "Replication offset of the replica, when it last told the Sentinel (every ten seconds).",
        SLAVE_LABELS,
    ),
    gauge(
        "redis_sentinel_slave_lag_bytes",
        "Bytes that this offset is behind the foremost replica's of the same master.",
        SLAVE_LABELS,
    ),
)

STATES = ("ok", "sdown", "odown")
AGREED = "Quorum and failover authorization can be reached"
NO_QUORUM = "Not enough available Sentinels to reach the specified quorum for this master"
NO_MAJORITY = "Not enough available Sentinels to reach the majority and authorize a failover"


class Failovers:
    """Counts how often the epoch of a master's configuration grew: each failover is given a new one."""

    def __init__(self) -> None:
        self._epochs: dict[str, float] = {}
        self._totals: dict[str, int] = {}

    def look(self, epochs: Mapping[str, float]) -> Mapping[str, int]:
        """How many there were so far, for each master that there is now."""
        grown = {name: epoch > self._epochs.get(name, epoch) for name, epoch in epochs.items()}
        self._totals = {name: self._totals.get(name, 0) + grew for name, grew in grown.items()}
        self._epochs = dict(epochs)
        return self._totals


class _Run:
    def __init__(self, redis: RedisSource) -> None:
        self._view = SentinelView(redis)
        self._failovers = Failovers()

    async def __call__(self, deadline: Deadline) -> Sequence[Table]:
        info, masters = await self._view.ask(deadline)
        epochs = {
            m.name: epoch for m in masters if (epoch := number(m.fields.get("config-epoch"))) is not None
        }
        failovers = self._failovers.look(epochs)
        return [
            single({field.metric: value for field in FIELDS if (value := field.value(info)) is not None}),
            by_row(MASTER_LABELS, MASTER_METRICS, [(m.labels, _figures(m)) for m in masters]),
            by_row(STATUS.labels, (STATUS,), [_status(m) for m in masters if m.summary]),
            by_row(QUORUM.labels, (QUORUM,), [_quorum(m) for m in masters if m.sentinels is not None]),
            by_row(FAILOVERS.labels, (FAILOVERS,), [((name,), (n,)) for name, n in failovers.items()]),
            by_row(SLAVE_LABELS, SLAVE_METRICS, [row for master in masters for row in _slaves(master)]),
        ]


def _figures(master: Master) -> tuple[Value, ...]:
    ping = number(master.fields.get("last-ok-ping-reply"))
    flags = instance_flags(master.fields)
    return (
        *(number(master.summary.get(name)) for name in OF_INFO),
        *(number(master.fields.get(name)) for name in OF_MASTERS),
        None if ping is None else ping / 1000,
        None if master.sentinels is None else 1 + sum(map(is_ok, master.sentinels)),
        None if master.replicas is None else sum(map(is_ok, master.replicas)),
        *(int(flag in flags) if flags else None for flag in FLAGS),
    )


def _status(master: Master) -> tuple[Labels, tuple[Value, ...]]:
    said = master.summary.get("status", "")
    return (*master.labels, said if said in STATES else "unknown"), (int(said == "ok"),)


def _quorum(master: Master) -> tuple[Labels, tuple[Value, ...]]:
    """What SENTINEL CKQUORUM would say, without the number in it.

    That command counts the same Sentinels, and where they are too few its answer is an error, which
    would count among those of the server.
    """
    sentinels = master.sentinels or ()
    up, voters = 1 + sum(map(is_ok, sentinels)), 1 + len(sentinels)
    missing = [NO_QUORUM] if up < (number(master.fields.get("quorum")) or 0) else []
    missing += [NO_MAJORITY] if up < voters // 2 + 1 else []
    return (master.name, ". ".join(missing) or AGREED), (int(not missing),)


def _slaves(master: Master) -> list[tuple[Labels, tuple[Value, ...]]]:
    replicas = {f"{r.get('ip', '')}:{r['port']}": r for r in master.replicas or ()}
    offsets = {address: _offset(replica) for address, replica in replicas.items()}
    foremost = max((offset for offset in offsets.values() if offset is not None), default=0)
    return [
        ((master.name, address), _slave(replica, offsets[address], foremost))
        for address, replica in replicas.items()
    ]


def _slave(replica: Instance, offset: float | None, foremost: float) -> tuple[Value, ...]:
    link, down = replica.get("master-link-status"), number(replica.get("master-link-down-time"))
    told = offset is not None
    return (
        int(is_ok(replica)),
        int(link == "ok") if told else None,
        down / 1000 if told and down is not None else None,
        offset,
        None if offset is None else foremost - offset,
    )


def _offset(replica: Instance) -> float | None:
    """None before the replica has told anything: it has no run id until then."""
    return number(replica.get("slave-repl-offset")) if replica.get("runid") else None


COLLECTOR = CollectorSpec(
    help="A Sentinel: its state, its masters with their replicas, and whether a failover could be agreed on.",
    source="redis",
    metrics=(
        *(field.metric for field in FIELDS),
        *MASTER_METRICS,
        STATUS,
        QUORUM,
        FAILOVERS,
        *SLAVE_METRICS,
    ),
    build=_Run,
    docs="https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/",
    explain=lambda _major: (
        "INFO ALL\nSENTINEL MASTERS  (on a Sentinel)"
        "\nSENTINEL SENTINELS <master>  (of each)\nSENTINEL REPLICAS <master>  (of each)"
    ),
)
