"""INFO fields of the section Stats."""

from __future__ import annotations

from exporter.collectors.redis._field import Field
from exporter.model.metric import counter, gauge

TRAFFIC = (
    Field(
        "total_connections_received",
        counter("redis_connections_received_total", "Connections that were accepted."),
    ),
    Field(
        "rejected_connections",
        counter("redis_rejected_connections_total", "Connections refused because maxclients were there."),
    ),
    Field("total_commands_processed", counter("redis_commands_processed_total", "Commands that were run.")),
    Field("total_net_input_bytes", counter("redis_net_input_bytes_total", "Bytes read from the network.")),
    Field("total_net_output_bytes", counter("redis_net_output_bytes_total", "Bytes written to the network.")),
    Field(
        "total_net_repl_input_bytes",
        counter("redis_net_repl_input_bytes_total", "Bytes read from the network for replication."),
    ),
    Field(
        "total_net_repl_output_bytes",
        counter("redis_net_repl_output_bytes_total", "Bytes written to the network for replication."),
    ),
    Field("total_reads_processed", counter("redis_total_reads_processed", "Read events that were handled.")),
    Field(
        "total_writes_processed", counter("redis_total_writes_processed", "Write events that were handled.")
    ),
    Field(
        "io_threaded_reads_processed",
        counter("redis_io_threaded_reads_processed", "Read events that I/O threads handled."),
    ),
    Field(
        "io_threaded_writes_processed",
        counter("redis_io_threaded_writes_processed", "Write events that I/O threads handled."),
    ),
    Field(
        "io_threaded_freed_objects",
        counter(
            "redis_io_threaded_freed_objects_total", "Objects that I/O threads freed (Valkey 8 and newer)."
        ),
    ),
    Field(
        "io_threaded_poll_processed",
        counter(
            "redis_io_threaded_poll_processed_total",
            "Polls of the event loop that I/O threads did (Valkey 8 and newer).",
        ),
    ),
    Field(
        "io_threaded_accept_processed",
        counter(
            "redis_io_threaded_accept_processed_total",
            "Connections that I/O threads accepted (Valkey 8.1 and newer).",
        ),
    ),
    Field(
        "io_threaded_total_prefetch_batches",
        counter(
            "redis_io_threaded_prefetch_batches_total",
            "Batches of commands whose keys were fetched ahead (Valkey 8, Redis 8 and newer).",
        ),
    ),
    Field(
        "io_threaded_total_prefetch_entries",
        counter(
            "redis_io_threaded_prefetch_entries_total",
            "Keys that were fetched ahead (Valkey 8, Redis 8 and newer).",
        ),
    ),
    Field(
        "client_query_buffer_limit_disconnections",
        counter(
            "redis_client_query_buffer_limit_disconnections_total",
            "Clients cut off because their query buffer was over its limit.",
        ),
    ),
    Field(
        "client_output_buffer_limit_disconnections",
        counter(
            "redis_client_output_buffer_limit_disconnections_total",
            "Clients cut off because their output buffer was over its limit.",
        ),
    ),
    Field(
        "reply_buffer_shrinks",
        counter("redis_reply_buffer_shrinks_total", "Reply buffers that were made smaller."),
    ),
    Field(
        "reply_buffer_expands",
        counter("redis_reply_buffer_expands_total", "Reply buffers that were made larger."),
    ),
    Field("evicted_clients", counter("redis_evicted_clients_total", "Clients cut off by maxmemory-clients.")),
)

KEYS = (
    Field("keyspace_hits", counter("redis_keyspace_hits_total", "Look-ups that found the key.")),
    Field("keyspace_misses", counter("redis_keyspace_misses_total", "Look-ups that did not find the key.")),
    Field("expired_keys", counter("redis_expired_keys_total", "Keys removed because their time was up.")),
    Field(
        "expired_subkeys",
        counter("redis_expired_subkeys_total", "Hash fields removed because their time was up."),
    ),
    Field(
        "expired_fields",
        counter(
            "redis_expired_fields_total",
            "Hash fields removed because their time was up (Valkey 9 and newer).",
        ),
    ),
    Field(
        "expired_stale_perc",
        gauge(
            "redis_expired_stale_percentage",
            "Estimated percentage of keys that are past their time and still there.",
        ),
    ),
    Field(
        "expired_keys_with_volatile_items_stale_perc",
        gauge(
            "redis_expired_keys_with_volatile_items_stale_percentage",
            "The same among keys whose items have a time of their own (Valkey 9 and newer).",
        ),
    ),
    Field(
        "expired_time_cap_reached_count",
        counter("redis_expired_time_cap_reached_total", "Expiry cycles that ran out of time."),
    ),
    Field(
        "expire_cycle_cpu_milliseconds",
        counter("redis_expire_cycle_cpu_time_ms_total", "CPU time of the expiry cycles, in milliseconds."),
    ),
    Field("evicted_keys", counter("redis_evicted_keys_total", "Keys removed because of maxmemory.")),
    Field("evicted_scripts", counter("redis_evicted_scripts_total", "EVAL scripts dropped from the cache.")),
    Field(
        "total_eviction_exceeded_time",
        counter("redis_eviction_exceeded_time_ms_total", "Milliseconds that memory was over maxmemory."),
    ),
    Field(
        "current_eviction_exceeded_time",
        gauge(
            "redis_current_eviction_exceeded_time_ms",
            "Milliseconds since memory went over maxmemory, else 0.",
        ),
    ),
    Field(
        "slave_expires_tracked_keys",
        gauge("redis_slave_expires_tracked_keys", "Keys with a time to live that a writable replica tracks."),
    ),
)

ERRORS = (
    Field("total_error_replies", counter("redis_total_error_replies", "Replies that were errors.")),
    Field(
        "unexpected_error_replies",
        counter(
            "redis_unexpected_error_replies",
            "Error replies while loading or replicating, where none should be.",
        ),
    ),
    Field(
        "dump_payload_sanitizations",
        counter("redis_dump_payload_sanitizations", "Payloads checked on RESTORE."),
    ),
    Field(
        "acl_access_denied_auth", counter("redis_acl_access_denied_auth_total", "Logins that were refused.")
    ),
    Field(
        "acl_access_denied_cmd",
        counter("redis_acl_access_denied_cmd_total", "Commands that the ACL refused."),
    ),
    Field(
        "acl_access_denied_key", counter("redis_acl_access_denied_key_total", "Keys that the ACL refused.")
    ),
    Field(
        "acl_access_denied_channel",
        counter("redis_acl_access_denied_channel_total", "Channels that the ACL refused."),
    ),
    Field(
        "acl_access_denied_db",
        counter("redis_acl_access_denied_db_total", "Databases that the ACL refused (Valkey 9.1 and newer)."),
    ),
    Field(
        "acl_access_denied_tls_cert",
        counter(
            "redis_acl_access_denied_tls_cert_total",
            "Logins by certificate that were refused (Valkey 9.1 and newer).",
        ),
    ),
)

LOOP = (
    Field("eventloop_cycles", counter("redis_eventloop_cycles_total", "Turns of the event loop.")),
    Field(
        "eventloop_duration_sum",
        counter("redis_eventloop_duration_sum_usec_total", "Microseconds spent in turns of the event loop."),
    ),
    Field(
        "eventloop_duration_cmd_sum",
        counter("redis_eventloop_duration_cmd_sum_usec_total", "Microseconds spent in running commands."),
    ),
    Field(
        "instantaneous_eventloop_cycles_per_sec",
        gauge("redis_instantaneous_eventloop_cycles_per_sec", "Turns of the event loop a second, sampled."),
    ),
    Field(
        "instantaneous_eventloop_duration_usec",
        gauge(
            "redis_instantaneous_eventloop_duration_usec",
            "Microseconds of a turn of the event loop, sampled.",
        ),
    ),
    Field("latest_fork_usec", gauge("redis_latest_fork_seconds", "How long the last fork took."), 1e6),
)

MORE = (
    Field("pubsub_channels", gauge("redis_pubsub_channels", "Channels with at least one subscriber.")),
    Field("pubsub_patterns", gauge("redis_pubsub_patterns", "Patterns with at least one subscriber.")),
    Field(
        "pubsubshard_channels",
        gauge("redis_pubsubshard_channels", "Shard channels with at least one subscriber."),
    ),
    Field(
        "tracking_total_keys", gauge("redis_tracking_total_keys", "Keys that are tracked for client caching.")
    ),
    Field(
        "tracking_total_items",
        gauge("redis_tracking_total_items", "Pairs of key and client that are tracked."),
    ),
    Field(
        "tracking_total_prefixes",
        gauge("redis_tracking_total_prefixes", "Prefixes tracked in broadcast mode."),
    ),
    Field(
        "migrate_cached_sockets",
        gauge("redis_migrate_cached_sockets_total", "Sockets kept open for MIGRATE."),
    ),
    Field("sync_full", gauge("redis_replica_resyncs_full", "Full resynchronizations of replicas so far.")),
    Field(
        "sync_partial_ok",
        gauge(
            "redis_replica_partial_resync_accepted", "Partial resynchronizations that were granted so far."
        ),
    ),
    Field(
        "sync_partial_err",
        gauge("redis_replica_partial_resync_denied", "Partial resynchronizations that were refused so far."),
    ),
    Field("active_defrag_hits", gauge("redis_defrag_hits", "Values that defragmentation has moved so far.")),
    Field("active_defrag_misses", gauge("redis_defrag_misses", "Values that it did not move, so far.")),
    Field(
        "active_defrag_key_hits",
        gauge("redis_defrag_key_hits", "Keys that defragmentation has moved so far."),
    ),
    Field(
        "total_active_defrag_time",
        counter(
            "redis_active_defrag_seconds_total", "Time that memory was over the limit of defragmentation."
        ),
        1000,
    ),
    Field(
        "current_active_defrag_time",
        gauge(
            "redis_active_defrag_current_seconds",
            "How long memory has been over the limit of defragmentation, else 0.",
        ),
        1000,
    ),
    Field("active_defrag_key_misses", gauge("redis_defrag_key_misses", "Keys that it skipped, so far.")),
)

FIELDS = (*TRAFFIC, *KEYS, *ERRORS, *LOOP, *MORE)
