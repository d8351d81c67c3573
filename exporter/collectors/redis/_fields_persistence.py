"""INFO fields of the section Persistence."""

from __future__ import annotations

from exporter.collectors.redis._field import Field
from exporter.model.metric import counter, gauge

LOADING = (
    Field("loading", gauge("redis_loading_dump_file", "1 while the server loads its data.")),
    Field(
        "async_loading", gauge("redis_async_loading", "1 while a replica loads new data and serves the old.")
    ),
    Field(
        "loading_start_time",
        gauge("redis_loading_start_timestamp_seconds", "Unix time at which the loading under way began."),
    ),
    Field(
        "loading_total_bytes",
        gauge("redis_loading_size_bytes", "Size of the file that is being loaded."),
        negative=False,
    ),
    Field(
        "loading_loaded_bytes",
        gauge("redis_loading_loaded_bytes", "Bytes of that file that are loaded."),
        negative=False,
    ),
    Field(
        "loading_loaded_perc",
        gauge("redis_loading_loaded_ratio", "Part of that file that is loaded, from 0 to 1."),
        100,
        negative=False,
    ),
    Field(
        "loading_eta_seconds",
        gauge("redis_loading_eta_seconds", "Time until the loading will be done, estimated."),
        negative=False,
    ),
    Field(
        "loading_rdb_used_mem",
        gauge(
            "redis_loading_rdb_used_memory_bytes",
            "Memory that the server used when it wrote the dump that is being loaded.",
        ),
    ),
    Field(
        "rdb_last_load_keys_expired",
        gauge("redis_rdb_last_load_expired_keys", "Expired keys that the last load of a dump left out."),
    ),
    Field(
        "rdb_last_load_keys_loaded",
        gauge("redis_rdb_last_load_loaded_keys", "Keys that the last load of a dump read."),
    ),
)

RDB = (
    Field(
        "rdb_changes_since_last_save",
        gauge("redis_rdb_changes_since_last_save", "Changes since the last dump."),
    ),
    Field(
        "rdb_bgsave_in_progress", gauge("redis_rdb_bgsave_in_progress", "1 while a dump is being written.")
    ),
    Field(
        "rdb_last_save_time",
        gauge("redis_rdb_last_save_timestamp_seconds", "Unix time of the last good dump."),
    ),
    Field("rdb_last_bgsave_status", gauge("redis_rdb_last_bgsave_status", "1 if the last dump was good.")),
    Field(
        "rdb_last_bgsave_time_sec",
        gauge("redis_rdb_last_bgsave_duration_sec", "Seconds that the last dump took, -1 if there was none."),
    ),
    Field(
        "rdb_current_bgsave_time_sec",
        gauge(
            "redis_rdb_current_bgsave_duration_sec",
            "Seconds that the running dump has taken, -1 if none runs.",
        ),
    ),
    Field("rdb_saves", gauge("redis_rdb_saves_total", "Dumps written since the start of the server.")),
    Field(
        "rdb_last_cow_size",
        gauge("redis_rdb_last_cow_size_bytes", "Memory that was copied on write during the last dump."),
    ),
    Field(
        "module_fork_in_progress",
        gauge("redis_module_fork_in_progress", "1 while the fork of a module runs."),
    ),
    Field(
        "module_fork_last_cow_size",
        gauge("redis_module_fork_last_cow_size", "Bytes copied on write during the last fork of a module."),
    ),
)

AOF = (
    Field("aof_enabled", gauge("redis_aof_enabled", "1 if the append-only file is on.")),
    Field(
        "aof_rewrite_in_progress",
        gauge("redis_aof_rewrite_in_progress", "1 while the append-only file is rewritten."),
    ),
    Field(
        "aof_rewrite_scheduled",
        gauge(
            "redis_aof_rewrite_scheduled", "1 if a rewrite of the append-only file waits for a dump to end."
        ),
    ),
    Field(
        "aof_last_rewrite_time_sec",
        gauge(
            "redis_aof_last_rewrite_duration_sec",
            "Seconds that the last rewrite of the append-only file took, -1 if there was none.",
        ),
    ),
    Field(
        "aof_current_rewrite_time_sec",
        gauge(
            "redis_aof_current_rewrite_duration_sec",
            "Seconds that the running rewrite of the append-only file has taken, -1 if none runs.",
        ),
    ),
    Field(
        "aof_last_cow_size",
        gauge(
            "redis_aof_last_cow_size_bytes",
            "Memory copied on write in the last rewrite of the append-only file.",
        ),
    ),
    Field("aof_rewrites", counter("redis_aof_rewrites_total", "Rewrites of the append-only file so far.")),
    Field(
        "aof_rewrites_consecutive_failures",
        gauge(
            "redis_aof_rewrites_consecutive_failures",
            "Rewrites of the append-only file that failed since the last good one.",
        ),
    ),
    Field("aof_current_size", gauge("redis_aof_current_size_bytes", "Size of the append-only file.")),
    Field(
        "aof_base_size",
        gauge("redis_aof_base_size_bytes", "Size of the append-only file after the last start or rewrite."),
    ),
    Field(
        "aof_pending_rewrite",
        gauge("redis_aof_pending_rewrite", "1 if a rewrite will follow the running dump."),
    ),
    Field(
        "aof_buffer_length", gauge("redis_aof_buffer_length", "Bytes in the buffer of the append-only file.")
    ),
    Field(
        "aof_rewrite_buffer_length",
        gauge(
            "redis_aof_rewrite_buffer_length",
            "Bytes in the rewrite buffer of the append-only file (before 7.0).",
        ),
    ),
    Field(
        "aof_pending_bio_fsync",
        gauge("redis_aof_pending_bio_fsync", "Syncs of the append-only file that wait in the background."),
    ),
    Field(
        "aof_delayed_fsync",
        gauge("redis_aof_delayed_fsync", "Syncs of the append-only file that were delayed so far."),
    ),
    Field(
        "aof_last_bgrewrite_status",
        gauge("redis_aof_last_bgrewrite_status", "1 if the last rewrite of the append-only file was good."),
    ),
    Field(
        "aof_last_write_status",
        gauge("redis_aof_last_write_status", "1 if the last write to the append-only file was good."),
    ),
)

FORK = (
    Field("total_forks", counter("redis_forks_total", "Forks of the server so far.")),
    Field(
        "current_cow_peak",
        gauge("redis_current_cow_peak_bytes", "Most memory copied on write during the fork under way."),
    ),
    Field(
        "current_cow_size",
        gauge("redis_current_cow_size_bytes", "Memory copied on write during the fork under way."),
    ),
    Field(
        "current_cow_size_age",
        gauge("redis_current_cow_size_age_seconds", "Age of that figure."),
    ),
    Field(
        "current_fork_perc",
        gauge("redis_current_fork_ratio", "Progress of the fork under way, from 0 to 1."),
        100,
    ),
    Field(
        "current_save_keys_processed",
        gauge("redis_current_save_processed_keys", "Keys that the save under way has written."),
    ),
    Field(
        "current_save_keys_total",
        gauge("redis_current_save_keys", "Keys that there were when the save under way began."),
    ),
)

FIELDS = (*LOADING, *RDB, *AOF, *FORK)
