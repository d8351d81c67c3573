"""INFO fields of the server itself: sections Server, Clients, CPU, Cluster, Replication, TLS, forks' own."""

from __future__ import annotations

from exporter.collectors.redis._field import Field
from exporter.model.metric import counter, gauge
from exporter.model.table import Value
from exporter.sources.redis.info import Info

MICROSECOND_DIGITS = 6


class Cpu(Field):
    """A field of the section CPU: seconds, a point, and microseconds.

    Dragonfly leaves out the zeros behind the point: its 1.5 is 1.000005 seconds.
    """

    __slots__ = ()

    def value(self, info: Info) -> Value:
        """Seconds; None where the field is absent or no number."""
        if "dragonfly_version" not in info.fields:
            return Field.value(self, info)
        seconds, point, fraction = info.get(self.name).partition(".")
        if not (seconds.isascii() and seconds.isdigit()):
            return None
        if not point:
            return seconds
        micros = fraction.isascii() and fraction.isdigit() and len(fraction) <= MICROSECOND_DIGITS
        return f"{seconds}.{fraction:0>{MICROSECOND_DIGITS}}" if micros else None


SERVER = (
    Field("uptime_in_seconds", gauge("redis_uptime_in_seconds", "Seconds since the server process started.")),
    Field("process_id", gauge("redis_process_id", "Process ID of the server.")),
    Field("io_threads_active", gauge("redis_io_threads_active", "1 while the I/O threads are in use.")),
    Field("hz", gauge("redis_hz", "How often a second the server runs its background tasks now.")),
    Field(
        "configured_hz",
        gauge(
            "redis_configured_hz", "How often a second the server is configured to run its background tasks."
        ),
    ),
    Field("cluster_enabled", gauge("redis_cluster_enabled", "1 if the server runs in cluster mode.")),
)

CLIENTS = (
    Field("connected_clients", gauge("redis_connected_clients", "Client connections, replicas not counted.")),
    Field("blocked_clients", gauge("redis_blocked_clients", "Clients that wait in a blocking command.")),
    Field(
        "maxclients",
        gauge("redis_max_clients", "Connections that the server accepts at most."),
        also="max_clients",  # Dragonfly
    ),
    Field(
        "cluster_connections",
        gauge("redis_cluster_connections", "About how many sockets the cluster bus uses."),
    ),
    Field(
        "tracking_clients",
        gauge("redis_tracking_clients", "Clients that use server-assisted client caching."),
    ),
    Field(
        "clients_in_timeout_table",
        gauge("redis_clients_in_timeout_table", "Clients whose blocking command has a timeout."),
    ),
    Field("pubsub_clients", gauge("redis_pubsub_clients", "Clients in subscribe mode.")),
    Field("watching_clients", gauge("redis_watching_clients", "Clients that watch at least one key.")),
    Field("total_watched_keys", gauge("redis_total_watched_keys", "Keys that clients watch.")),
    Field("total_blocking_keys", gauge("redis_total_blocking_keys", "Keys that blocked clients wait for.")),
    Field(
        "total_blocking_keys_on_nokey",
        gauge(
            "redis_total_blocking_keys_on_nokey", "Keys whose deletion would wake a blocked client as well."
        ),
    ),
    Field(
        "client_longest_output_list",
        gauge(
            "redis_client_longest_output_list",
            "Longest list of replies that waits for a client (Redis 2 to 4).",
        ),
    ),
    Field(
        "client_biggest_input_buf",
        gauge("redis_client_biggest_input_buf", "Bytes of the largest client query buffer (Redis 2 to 4)."),
    ),
    Field(
        "client_recent_max_output_buffer",
        gauge("redis_client_recent_max_output_buffer_bytes", "Largest output buffer of a client lately."),
    ),
    Field(
        "client_recent_max_input_buffer",
        gauge("redis_client_recent_max_input_buffer_bytes", "Largest query buffer of a client lately."),
    ),
)

CPU = (
    Cpu("used_cpu_sys", counter("redis_cpu_sys_seconds_total", "System CPU time of the server process.")),
    Cpu("used_cpu_user", counter("redis_cpu_user_seconds_total", "User CPU time of the server process.")),
    Cpu(
        "used_cpu_sys_children",
        counter("redis_cpu_sys_children_seconds_total", "System CPU time of the server's ended children."),
    ),
    Cpu(
        "used_cpu_user_children",
        counter("redis_cpu_user_children_seconds_total", "User CPU time of the server's ended children."),
    ),
    Cpu(
        "used_cpu_sys_main_thread",
        counter("redis_cpu_sys_main_thread_seconds_total", "System CPU time of the server's main thread."),
    ),
    Cpu(
        "used_cpu_user_main_thread",
        counter("redis_cpu_user_main_thread_seconds_total", "User CPU time of the server's main thread."),
    ),
    Field(
        "used_active_time_main_thread",
        counter(
            "redis_active_time_main_thread_seconds_total",
            "Time that the main thread spent at work (Valkey 9.1 and newer).",
        ),
    ),
)

REPLICATION = (
    Field("connected_slaves", gauge("redis_connected_slaves", "Replicas that are connected.")),
    Field("master_repl_offset", gauge("redis_master_repl_offset", "Replication offset of this server.")),
    Field(
        "second_repl_offset",
        gauge(
            "redis_second_repl_offset",
            "Offset up to which the former replication ID is accepted, -1 if none.",
        ),
    ),
    Field(
        "repl_backlog_active", gauge("redis_repl_backlog_is_active", "1 if there is a replication backlog.")
    ),
    Field(
        "repl_backlog_size",
        gauge("redis_replication_backlog_bytes", "Configured size of the replication backlog."),
    ),
    Field(
        "repl_backlog_first_byte_offset",
        gauge(
            "redis_repl_backlog_first_byte_offset", "Replication offset of the oldest byte in the backlog."
        ),
    ),
    Field(
        "repl_backlog_histlen",
        gauge("redis_repl_backlog_history_bytes", "Bytes that the replication backlog holds."),
    ),
    Field(
        "min_slaves_good_slaves",
        gauge("redis_min_slaves_good_slaves", "Replicas whose lag min-replicas-max-lag allows."),
    ),
    Field(
        "replica_announced",
        gauge("redis_replica_announced", "1 if Sentinels are told of this replica."),
    ),
    Field(
        "slave_priority",
        gauge("redis_slave_priority", "Priority of this replica in a failover; 0 is never promoted."),
    ),
    Field(
        "replicas_waiting_psync",
        gauge(
            "redis_replicas_waiting_psync",
            "Replicas that wait for partial synchronization (Valkey 8 and newer).",
        ),
    ),
    Field(
        "replicas_repl_buffer_size",
        gauge(
            "redis_replicas_repl_buffer_size_bytes",
            "Replication buffer of a full sync now (Valkey 8 and newer).",
        ),
    ),
    Field(
        "replicas_repl_buffer_peak",
        gauge(
            "redis_replicas_repl_buffer_peak_bytes",
            "Largest replication buffer of a full sync (Valkey 8 and newer).",
        ),
    ),
)

TLS = (
    Field(
        "tls_server_cert_expires_in_seconds",
        gauge(
            "redis_tls_server_cert_expires_in_seconds",
            "Time until the server's certificate expires; 0 without TLS (Valkey 9.1 and newer).",
        ),
    ),
    Field(
        "tls_client_cert_expires_in_seconds",
        gauge(
            "redis_tls_client_cert_expires_in_seconds",
            "Time until the server's client certificate expires; 0 without TLS (Valkey 9.1 and newer).",
        ),
    ),
    Field(
        "tls_ca_cert_expires_in_seconds",
        gauge(
            "redis_tls_ca_cert_expires_in_seconds",
            "Time until the server's CA certificate expires; 0 without TLS (Valkey 9.1 and newer).",
        ),
    ),
)

FORKS = (
    Field(
        "engines_count",
        gauge("redis_scripting_engines_count", "Scripting engines that are loaded (Valkey 9.1 and newer)."),
    ),
    Field(
        "engines_total_used_memory",
        gauge(
            "redis_scripting_engines_memory_used_bytes",
            "Memory of all scripting engines (Valkey 9.1 and newer).",
        ),
    ),
    Field(
        "engines_total_memory_overhead",
        gauge(
            "redis_scripting_engines_memory_overhead_bytes",
            "Overhead of all scripting engines (Valkey 9.1 and newer).",
        ),
    ),
    Field("server_threads", gauge("redis_server_threads_total", "Worker threads of the server (KeyDB).")),
    Field(
        "avg_lock_contention",
        gauge(
            "redis_avg_lock_contention",
            "Contention for the server's global lock, mean of late samples (KeyDB).",
        ),
    ),
    Field("mvcc_depth", gauge("redis_mvcc_depth", "Snapshots of the data that are in use (KeyDB).")),
    Field(
        "long_lock_waits",
        gauge(
            "redis_long_lock_waits_total", "Long waits for the server's global lock since its start (KeyDB)."
        ),
    ),
    Field(
        "current_client_thread",
        gauge("redis_current_client_thread", "The server's thread that answered this scrape (KeyDB)."),
    ),
    Field(
        "cached_keys",
        counter("redis_cached_keys_total", "Keys in the cache of the storage provider (KeyDB)."),
    ),
    Field(
        "storage_provider_read_hits",
        counter(
            "redis_storage_provider_read_hits", "Reads that the storage provider's cache answered (KeyDB)."
        ),
    ),
    Field(
        "storage_provider_read_misses",
        counter(
            "redis_storage_provider_read_misses", "Reads that missed the storage provider's cache (KeyDB)."
        ),
    ),
)

FIELDS = (*SERVER, *CLIENTS, *CPU, *REPLICATION, *TLS, *FORKS)
