"""Checkpoints and restartpoints, from pg_stat_checkpointer, and up to PostgreSQL 16 from pg_stat_bgwriter.

So the same names serve all versions. Restartpoints, and what was really performed, are counted apart by
newer versions only: up to 16 a standby counts its restartpoints as checkpoints.
"""

from exporter.model.view import Counter, View

VIEW = View(
    help="Checkpoints and restartpoints, from pg_stat_checkpointer; up to 16 from pg_stat_bgwriter.",
    source={13: "pg_stat_bgwriter", 17: "pg_stat_checkpointer"},
    docs="monitoring-stats.html#MONITORING-PG-STAT-CHECKPOINTER-VIEW",
    metrics=(
        Counter("pg_stat_checkpointer_num_timed_total", {13: "checkpoints_timed", 17: "num_timed"},
                "Checkpoints due because checkpoint_timeout had passed, skipped ones included.", eg=354),
        Counter("pg_stat_checkpointer_num_requested_total", {13: "checkpoints_req", 17: "num_requested"},
                "Checkpoints requested by WAL volume or by a command.", eg=12),
        Counter("pg_stat_checkpointer_num_done_total", {18: "num_done"},
                "Checkpoints performed; an idle server skips some that are due.", eg=360),
        Counter("pg_stat_checkpointer_restartpoints_timed_total", {17: "restartpoints_timed"},
                "Restartpoints due because checkpoint_timeout had passed.", eg=7),
        Counter("pg_stat_checkpointer_restartpoints_req_total", {17: "restartpoints_req"},
                "Restartpoints requested.", eg=2),
        Counter("pg_stat_checkpointer_restartpoints_done_total", {17: "restartpoints_done"},
                "Restartpoints performed.", eg=5),
        Counter("pg_stat_checkpointer_write_time_total", {13: "checkpoint_write_time", 17: "write_time"},
                "Milliseconds spent writing files in checkpoints and restartpoints.", eg=289_097.744),
        Counter("pg_stat_checkpointer_sync_time_total", {13: "checkpoint_sync_time", 17: "sync_time"},
                "Milliseconds spent synchronizing files in checkpoints and restartpoints.", eg=8_321.5),
        Counter("pg_stat_checkpointer_buffers_written_total",
                {13: "buffers_checkpoint", 17: "buffers_written"},
                "Shared buffers written by checkpoints and restartpoints.", eg=15_432),
        Counter("pg_stat_checkpointer_slru_written_total", {18: "slru_written"},
                "SLRU buffers written by checkpoints and restartpoints.", eg=210),
        Counter("pg_stat_checkpointer_stats_reset_total", "coalesce(date_part('epoch', stats_reset), 0)",
                "Unix time at which these statistics were last reset, 0 for never.", eg=1_685_059_842),
    ),
)  # fmt: skip
