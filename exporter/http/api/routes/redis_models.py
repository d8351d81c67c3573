"""What the routes of Redis answer with; names as INFO has them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from exporter.http.api.figures import Figures, Number, of
from exporter.http.api.times import Moment, Time


class Instance(Figures):
    """One server's identity and state."""

    uptime_in_seconds: Number = of("redis_uptime_in_seconds")
    connected_clients: Number = of("redis_connected_clients")
    blocked_clients: Number = of("redis_blocked_clients")
    maxclients: Number = of("redis_max_clients")
    used_memory_bytes: Number = of("redis_memory_used_bytes")
    used_memory_rss_bytes: Number = of("redis_memory_used_rss_bytes")
    used_memory_peak_bytes: Number = of("redis_memory_used_peak_bytes")
    maxmemory_bytes: Number = of("redis_memory_max_bytes", "0 is no limit.")
    mem_fragmentation_ratio: Number = of("redis_mem_fragmentation_ratio")
    loading: Number = of("redis_loading_dump_file")
    rdb_last_bgsave_status: Number = of("redis_rdb_last_bgsave_status")
    rdb_last_save_time: Moment = of("redis_rdb_last_save_timestamp_seconds")
    aof_enabled: Number = of("redis_aof_enabled")
    connected_slaves: Number = of("redis_connected_slaves")
    master_repl_offset_bytes: Number = of("redis_master_repl_offset")
    cluster_enabled: Number = of("redis_cluster_enabled")
    cluster_state: Number = of("redis_cluster_state")


class RedisNode(BaseModel):
    """One server; of a group each node."""

    node: str | None = Field(description="Of a group, the node; else null.")
    up: bool = Field(description="Whether it answers.")
    role: str | None = Field(description="master, slave or sentinel.", examples=["master"])
    redis_version: str | None = Field(examples=["7.2.4"])
    redis_mode: str | None = Field(examples=["standalone"])
    maxmemory_policy: str | None = Field(examples=["noeviction"])
    figures: Instance


class RedisStatus(BaseModel):
    """The servers of a target."""

    taken_at: Time
    nodes: list[RedisNode]


class Statistics(Figures):
    """What one server has counted since it started."""

    total_connections_received: Number = of("redis_connections_received_total")
    rejected_connections: Number = of("redis_rejected_connections_total")
    total_commands_processed: Number = of("redis_commands_processed_total")
    total_net_input_bytes: Number = of("redis_net_input_bytes_total")
    total_net_output_bytes: Number = of("redis_net_output_bytes_total")
    keyspace_hits: Number = of("redis_keyspace_hits_total")
    keyspace_misses: Number = of("redis_keyspace_misses_total")
    expired_keys: Number = of("redis_expired_keys_total")
    evicted_keys: Number = of("redis_evicted_keys_total")
    total_error_replies: Number = of("redis_total_error_replies")
    used_cpu_sys_seconds: Number = of("redis_cpu_sys_seconds_total")
    used_cpu_user_seconds: Number = of("redis_cpu_user_seconds_total")


class CommandStatistics(Figures):
    """What one command has counted."""

    cmd: str = Field(default="", examples=["get"])
    calls: Number = of("redis_commands_total")
    seconds: Number = of("redis_commands_duration_seconds_total")
    rejected_calls: Number = of("redis_commands_rejected_calls_total")
    failed_calls: Number = of("redis_commands_failed_calls_total")


class NodeStatistics(BaseModel):
    """One server; of a group each node."""

    node: str | None
    stats: Statistics
    commands: list[CommandStatistics]


class RedisStats(BaseModel):
    """What the servers of a target have counted."""

    taken_at: Time
    nodes: list[NodeStatistics]


class Database(Figures):
    """The keys of one database."""

    db: str = Field(default="", examples=["db0"])
    keys: Number = of("redis_db_keys")
    expires: Number = of("redis_db_keys_expiring")
    avg_ttl_seconds: Number = of("redis_db_avg_ttl_seconds")


class Pattern(Figures):
    """The keys of one pattern, estimated from a sample."""

    db: str = Field(default="", examples=["db0"])
    pattern: str = Field(default="", examples=["session:*"])
    keys: Number = of("redis_key_pattern_keys")
    memory_bytes: Number = of("redis_key_pattern_memory_bytes")
    without_ttl_ratio: Number = of("redis_key_pattern_without_ttl_ratio")


class BigKey(Figures):
    """One of the largest keys, where the setting for them is on."""

    db: str = Field(default="", examples=["db0"])
    type: str = Field(default="", examples=["hash"])
    key: str = ""
    bytes: Number = of("redis_big_key_bytes")


class NodeKeys(BaseModel):
    """One server; of a group each node."""

    node: str | None
    databases: list[Database] = Field(description="Those with keys.")
    patterns: list[Pattern]
    big_keys: list[BigKey]


class RedisKeys(BaseModel):
    """The keys of a target."""

    taken_at: Time
    nodes: list[NodeKeys]


class SlowLog(Figures):
    """The slow log itself."""

    length: Number = of("redis_slowlog_length")
    last_id: Number = of("redis_slowlog_last_id")


class SlowCommand(Figures):
    """Slow calls of one command since the exporter watches."""

    cmd: str = Field(default="", examples=["keys"])
    calls: Number = of("redis_slowlog_entries_total")
    seconds: Number = of("redis_slowlog_entries_duration_seconds_total")


class SlowCall(BaseModel):
    """One slow call. Its arguments are never kept."""

    at: Time | None
    server: str = Field(examples=["redis at localhost:6379"])
    cmd: str = Field(examples=["keys"])
    seconds: float


class NodeSlowLog(BaseModel):
    """One server; of a group each node."""

    node: str | None
    slow_log: SlowLog
    commands: list[SlowCommand]


class RedisSlowLog(BaseModel):
    """The slow logs of a target."""

    taken_at: Time
    nodes: list[NodeSlowLog]
    calls: list[SlowCall] = Field(description="The newest first.")
