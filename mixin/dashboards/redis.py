"""Redis: is it there, has it room for data and clients, how fast is it, where does its time go."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import UP, count, gauge, graph, heat, stat, state, timeline
from mixin.dashboards._queries import WHO, buckets, now, series
from mixin.dashboards._redis_data import keys, streams
from mixin.dashboards._redis_groups import cluster, replication
from mixin.dashboards._redis_upkeep import NODE, clients, memory, persistence
from mixin.dashboards._tables import Column, alert_list, firing, table
from mixin.dashboards._top import among
from mixin.dashboards._variables import labels, target

MEMORY = "instance:redis_memory_used:ratio{$target}"
# Where keys may be evicted, a full memory is how a cache works.
NO_ROOM = f"""
    {MEMORY} and on (job, instance, target, node) (
      redis_instance_info{{$target, role!="slave", maxmemory_policy="noeviction"}}
      or on (job, instance, target, node) increase(redis_errors_total{{$target, err="OOM"}}[5m]) > 0
    )
"""
CLIENTS = "instance:redis_connected_clients:ratio{$target}"
LATENCY = "instance:redis_command_duration_seconds:mean5m{$target}"
THREAD = "instance:redis_cpu_main_thread:rate5m{$target}"
HITS = "instance:redis_keyspace_hits:ratio_rate5m{$target}"
# As the alert: a low ratio matters where keys are evicted.
HITS_EVICTING = f"""
    {HITS}
    and on (job, instance, target, node) instance:redis_keyspace_lookups:rate5m{{$target}} > 10
    and on (job, instance, target, node) instance:redis_evicted_keys:rate5m{{$target}} > 0
"""
BROKEN_LINKS = "redis_master_link_up{$target} == 0"
NOT_SAVED = """
    redis_rdb_last_bgsave_status{$target} == 0
    or (redis_aof_last_write_status{$target} == 0 and redis_aof_enabled{$target} == 1)
"""
MISSING = """
    (
      instance:redis_connected_slaves:usual_1d{$target} - redis_connected_slaves{$target}
      and on (job, instance, target, node) redis_instance_info{$target, role!="slave"}
    )
    or 1 - redis_up{$target, node!=""}
"""


def build() -> Board:
    """For whoever is paged for Redis: what is wrong on the first screen, the cause below."""
    return Board(
        title="Redis",
        about="Is Redis there, has it room for data and clients, how fast is it, where does its time go.",
        service="redis",
        variables=[
            *target("redis_up"),
            labels("db", "redis_db_keys{$target}", title="Database"),
        ],
        rows=[
            Row("Health", _health()),
            Row("Problems", _problems()),
            Row("Performance", _performance()),
            Row("Memory", memory(), collapsed=True),
            Row("Clients", clients(), collapsed=True),
            Row("Persistence", persistence(), collapsed=True),
            Row("Replication", replication(), collapsed=True),
            Row("Keys", keys(), collapsed=True),
            Row("Streams (configured ones)", streams(), collapsed=True),
            Row("Cluster and Sentinel", cluster(), collapsed=True),
        ],
        restarts="resets(redis_uptime_in_seconds{$target}[2m]) > 0",
    )


def _health() -> Panels:
    return [
        firing("redis"),
        alert_list("redis"),
        state(
            "Up",
            "Whether every chosen server answered the last scrape's INFO. DOWN also when the login was "
            "refused: `datastack-exporter check` says why.",
            UP,
            now("min(redis_up{$target})", ""),
            alert="RedisDown",
        ),
        gauge(
            "Memory used, no eviction",
            "Of maxmemory, on the fullest server that refuses writes when it is full; 0 where none does. "
            "At 100 % writes fail with an OOM error.",
            units.PercentUnit,
            now(f"max({NO_ROOM}) or vector(0)", ""),
            alert="RedisMemoryNearMax",
        ),
        gauge(
            "Connections used",
            "Connections in relation to maxclients, on the fullest server. At 100 % new ones are refused.",
            units.PercentUnit,
            now(f"max({CLIENTS}) or vector(0)", ""),
            alert="RedisClientsHigh",
        ),
        stat(
            "Commands",
            "Commands of all chosen servers. A sudden fall means that requests do not get here.",
            units.OpsPerSecond,
            series("sum(instance:redis_commands:rate5m{$target})", ""),
        ),
        stat(
            "Mean duration",
            "Time inside the slowest server, without the network; 0 where none ran. Look below for the "
            "command that takes it.",
            units.Seconds,
            series(f"max({LATENCY}) or vector(0)", ""),
            alert="RedisLatencyHigh",
        ),
        stat(
            "Hit ratio while evicting",
            "Look-ups that find their key, on the worst server that evicts keys; 100 % where none does. "
            "The cache is too small for what is asked of it.",
            units.PercentUnit,
            series(f"min({HITS_EVICTING}) or vector(1)", ""),
            alert="RedisHitRatioLow",
        ),
    ]


def _problems() -> Panels:
    host = drill("Host", to("host", "instance"))
    return [
        stat(
            "Refused in 5 minutes",
            "Clients that got an error because maxclients were connected, on the worst server.",
            units.Short,
            series("max(increase(redis_rejected_connections_total{$target}[5m])) or vector(0)", ""),
            alert="RedisRejectedConnections",
        ),
        gauge(
            "Main thread",
            "Part of the time that the thread that runs all commands is busy, on the busiest server. More "
            "cores do not help.",
            units.PercentUnit,
            now(f"max({THREAD}) or vector(0)", ""),
            alert="RedisCpuSaturated",
        ).data_links([host]),
        count(
            "Not saved to disk",
            "Servers whose last dump, or last write to the append-only file, failed: by default they "
            "refuse writes. Look for a full disk.",
            now(f"count({NOT_SAVED}) or vector(0)", ""),
            alert="RedisPersistenceFailing",
        ),
        count(
            "Replicas without master",
            "Replicas that have lost the connection to their master: they serve old data.",
            now(f"count({BROKEN_LINKS}) or vector(0)", ""),
            alert="RedisReplicationLinkDown",
        ),
        stat(
            "Missing replicas",
            "Fewer replicas than for most of a day, or members of a group that do not answer, at one "
            "place. The next failure may be an outage.",
            units.Short,
            now(f"max({MISSING}) or vector(0)", ""),
            alert="RedisReplicaMissing",
        ),
        gauge(
            "Cluster slots served",
            "Slots that commands are answered for, in the worst cluster; 100 % without a cluster.",
            units.PercentUnit,
            now("min(instance:redis_cluster_slots_served:ratio{$target}) or vector(1)", ""),
            alert="RedisClusterDown",
        ),
        graph(
            "Memory used of maxmemory",
            "Buffers of replicas and of the append-only file left out; no line without a maxmemory. The "
            "alert is about servers that may not evict keys only.",
            units.PercentUnit,
            series(MEMORY, NODE),
            alert="RedisMemoryNearMax",
        ).max(1),
        graph(
            "Errors by kind",
            "Replies that were errors, all chosen servers together. OOM: no memory; MISCONF: it can't save; "
            "NOAUTH, NOPERM: logins and rights; ERR, WRONGTYPE: a fault of the caller.",
            units.OpsPerSecond,
            series("sum by (err) (rate(redis_errors_total{$target}[$__rate_interval]))", "{{err}}"),
            watched=["RedisMemoryNearMax", "RedisPersistenceFailing"],
        ).no_value("none"),
        timeline(
            "Up over time",
            "When each server answered. Short gaps that come back are a long command or the network.",
            UP,
            series("redis_up{$target}", NODE),
            alert="RedisDown",
        ).span(24),
    ]


def _performance() -> Panels:
    return [
        graph(
            "Commands per second",
            "Commands that were run. A jump is a new caller or a loop, a fall a caller that is gone.",
            units.OpsPerSecond,
            series("instance:redis_commands:rate5m{$target}", NODE),
        ),
        graph(
            "Mean duration over time",
            "Time inside the server. All clients wait for each slow command, one thread runs them all.",
            units.Seconds,
            series(LATENCY, NODE),
            alert="RedisLatencyHigh",
        ),
        _commands(),
        heat(
            "Durations of commands",
            "Calls by how long they took, from Redis 7 on. A second band far above is one slow command: "
            "the table has it.",
            units.Microseconds,
            buckets("sum by (le) (rate(redis_commands_latencies_usec_bucket{$target}[$__rate_interval]))"),
            watched=["RedisLatencyHigh"],
        ),
        graph(
            "CPU",
            "The main thread, which runs the commands, and the whole process with its other threads, on the "
            "busiest node.",
            units.PercentUnit,
            series(f"max without (node) ({THREAD})", f"main thread {WHO}"),
            series(
                "max without (node) (rate(redis_cpu_sys_seconds_total{$target}[$__rate_interval]) "
                "+ rate(redis_cpu_user_seconds_total{$target}[$__rate_interval]))",
                f"process {WHO}",
            ),
            alert="RedisCpuSaturated",
        ),
    ]


def _commands() -> tables.Panel:
    calls, time, failed, refused = (
        f"sum without (node) (rate(redis_commands_{what}total{{$target}}[$__rate_interval]))"
        for what in ("", "duration_seconds_", "failed_calls_", "rejected_calls_")
    )
    most = f"topk(20, {time})"
    return table(
        "Commands by time",
        "The 20 commands that take most time: their part of a core, calls, mean duration, and calls that "
        "failed or were refused. The slow log has the arguments.",
        ["instance", "target", "cmd"],
        Column("time", most, units.PercentUnit),
        Column("calls", among(calls, most, "cmd"), units.OpsPerSecond),
        Column("mean", among(f"{time} / ({calls} > 0)", most, "cmd"), units.Seconds),
        Column("failed", among(failed, most, "cmd"), units.OpsPerSecond),
        Column("refused", among(refused, most, "cmd"), units.OpsPerSecond),
        watched=["RedisLatencyHigh", "RedisCpuSaturated"],
    )
