"""Reads, writes and their times by kind of process, object and context, from pg_stat_io (16 and newer).

PostgreSQL 16 and 17 count operations of `op_bytes` each; 18 counts bytes itself, and WAL as an object.
What a kind of process never does is NULL in the view, and absent here. Times are counted with
`track_io_timing`, those of the object `wal` with `track_wal_io_timing`.
"""

from exporter.model.view import Counter, Label, View

VIEW = View(
    help="Reads, writes and their times by kind of process, object and context, from pg_stat_io.",
    source={16: "pg_stat_io"},
    docs="monitoring-stats.html#MONITORING-PG-STAT-IO-VIEW",
    labels=(
        Label("backend_type", "backend_type", eg="client backend"),
        Label("object", "object", eg="relation"),
        Label("context", "context", eg="normal"),
    ),
    metrics=(
        Counter("pg_stat_io_reads_total", "reads", "Read operations.", eg=82_401),
        Counter("pg_stat_io_read_bytes_total", {16: "reads * op_bytes", 18: "read_bytes"},
                "Bytes read.", eg=675_028_992),
        Counter("pg_stat_io_read_time_seconds_total", "read_time / 1000",
                "Time spent waiting for reads; counted with track_io_timing only.", eg=12.5),
        Counter("pg_stat_io_writes_total", "writes", "Write operations.", eg=9_810),
        Counter("pg_stat_io_write_bytes_total", {16: "writes * op_bytes", 18: "write_bytes"},
                "Bytes written.", eg=80_363_520),
        Counter("pg_stat_io_write_time_seconds_total", "write_time / 1000",
                "Time spent waiting for writes; counted with track_io_timing only.", eg=3.25),
        Counter("pg_stat_io_writebacks_total", "writebacks",
                "Blocks that the kernel was asked to write to disk.", eg=4_905),
        Counter("pg_stat_io_writeback_time_seconds_total", "writeback_time / 1000",
                "Time spent asking the kernel to write; counted with track_io_timing only.", eg=0.75),
        Counter("pg_stat_io_extends_total", "extends", "Operations that made a relation longer.", eg=1_203),
        Counter("pg_stat_io_extend_bytes_total", {16: "extends * op_bytes", 18: "extend_bytes"},
                "Bytes by which relations were made longer.", eg=9_854_976),
        Counter("pg_stat_io_extend_time_seconds_total", "extend_time / 1000",
                "Time spent making relations longer; counted with track_io_timing only.", eg=0.5),
        Counter("pg_stat_io_hits_total", "hits",
                "Times that the block was found in the buffers.", eg=9_812_345),
        Counter("pg_stat_io_evictions_total", "evictions",
                "Blocks written out or dropped to make room for another one.", eg=20_311),
        Counter("pg_stat_io_reuses_total", "reuses",
                "Buffers of a ring (vacuum, bulk read, bulk write) that were used again.", eg=640),
        Counter("pg_stat_io_fsyncs_total", "fsyncs", "Calls of fsync.", eg=88),
        Counter("pg_stat_io_fsync_time_seconds_total", "fsync_time / 1000",
                "Time spent in fsync; counted with track_io_timing only.", eg=1.5),
    ),
)  # fmt: skip
