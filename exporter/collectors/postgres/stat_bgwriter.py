"""The background writer, checkpoints and the writes of backends, from pg_stat_bgwriter.

PostgreSQL 17 moved the checkpoints to pg_stat_checkpointer and the writes of backends to pg_stat_io. The
names of before are filled from there, because most dashboards and alerts ask for them.
"""

from exporter.model.view import Counter, View

# Who wrote, as it was counted before 17: everybody but the two whose work it is.
BACKENDS = {
    13: "buffers_backend",
    17: """(SELECT sum((coalesce(writes, 0) + coalesce(extends, 0)) * op_bytes)::bigint
               / current_setting('block_size')::int FROM pg_stat_io
        WHERE object = 'relation' AND backend_type NOT IN ('background writer', 'checkpointer'))""",
    18: """(SELECT sum(coalesce(write_bytes, 0) + coalesce(extend_bytes, 0))::bigint
               / current_setting('block_size')::int FROM pg_stat_io
        WHERE object = 'relation' AND backend_type NOT IN ('background writer', 'checkpointer'))""",
}
BACKENDS_FSYNC = {
    13: "buffers_backend_fsync",
    17: """(SELECT sum(fsyncs)::bigint FROM pg_stat_io
        WHERE object = 'relation' AND backend_type NOT IN ('background writer', 'checkpointer'))""",
}

VIEW = View(
    help="The background writer, checkpoints and the writes of backends, from pg_stat_bgwriter.",
    source="pg_stat_bgwriter",
    docs="monitoring-stats.html#MONITORING-PG-STAT-BGWRITER-VIEW",
    metrics=(
        Counter("pg_stat_bgwriter_checkpoints_timed_total",
                {13: "checkpoints_timed", 17: "(SELECT num_timed FROM pg_stat_checkpointer)"},
                "Checkpoints started because checkpoint_timeout had passed.", eg=354),
        Counter("pg_stat_bgwriter_checkpoints_req_total",
                {13: "checkpoints_req", 17: "(SELECT num_requested FROM pg_stat_checkpointer)"},
                "Checkpoints requested by WAL volume or by a command.", eg=12),
        Counter("pg_stat_bgwriter_checkpoint_write_time_total",
                {13: "checkpoint_write_time", 17: "(SELECT write_time FROM pg_stat_checkpointer)"},
                "Milliseconds that checkpoints spent writing files.", eg=289_097.744),
        Counter("pg_stat_bgwriter_checkpoint_sync_time_total",
                {13: "checkpoint_sync_time", 17: "(SELECT sync_time FROM pg_stat_checkpointer)"},
                "Milliseconds that checkpoints spent synchronizing files to disk.", eg=8_321.5),
        Counter("pg_stat_bgwriter_buffers_checkpoint_total",
                {13: "buffers_checkpoint", 17: "(SELECT buffers_written FROM pg_stat_checkpointer)"},
                "Buffers written by checkpoints.", eg=15_432),
        Counter("pg_stat_bgwriter_buffers_clean_total", "buffers_clean",
                "Buffers written by the background writer.", eg=9_810),
        Counter("pg_stat_bgwriter_maxwritten_clean_total", "maxwritten_clean",
                "Cleaning scans that stopped because they had written bgwriter_lru_maxpages.", eg=33),
        Counter("pg_stat_bgwriter_buffers_backend_total", BACKENDS,
                "Buffers written by backends themselves.", eg=2_725),
        Counter("pg_stat_bgwriter_buffers_backend_fsync_total", BACKENDS_FSYNC,
                "Times that a backend had to call fsync itself.", eg=0),
        Counter("pg_stat_bgwriter_buffers_alloc_total", "buffers_alloc", "Buffers allocated.", eg=59_012),
        Counter("pg_stat_bgwriter_stats_reset_total", "coalesce(date_part('epoch', stats_reset), 0)",
                "Unix time at which these statistics were last reset, 0 for never.", eg=1_685_059_842),
    ),
)  # fmt: skip
