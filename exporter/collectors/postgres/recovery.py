"""Where this server is in the WAL, and what feeds it: the standby's side of replication.

A primary shows its current position and the standbys that its commits wait for. A standby shows what it
has received and replayed, and whether its receiver is connected. The server's role is asked in the query
itself, so the scrape after a failover shows the new one.
"""

from exporter.model.view import Counter, Gauge, View

STATE = """(
    SELECT pg_is_in_recovery() AS standby,
           CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END AS current_lsn,
           CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() END AS receive_lsn,
           CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END AS replay_lsn,
           CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END AS paused,
           CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() END AS replayed_at
) AS r
CROSS JOIN (
    SELECT count(*) = count(sync_state) AS seen,
           count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) AS sync
    FROM pg_stat_replication
) AS s
LEFT JOIN pg_stat_wal_receiver AS w ON r.standby AND coalesce(w.status, 'streaming') = 'streaming'"""

VIEW = View(
    help="Position in the WAL, and on a standby the receiver and the replay that it depends on.",
    source={13: STATE, 15: f"{STATE}\nLEFT JOIN pg_stat_recovery_prefetch AS p ON r.standby"},
    docs="functions-admin.html#FUNCTIONS-RECOVERY-CONTROL",
    metrics=(
        Gauge("pg_current_wal_lsn_bytes", "pg_wal_lsn_diff(r.current_lsn, '0/0')::bigint",
              "WAL position in bytes up to which this primary has written; absent on a standby.",
              eg=50_331_648),
        Gauge("pg_last_wal_receive_lsn_bytes", "pg_wal_lsn_diff(r.receive_lsn, '0/0')::bigint",
              "WAL position in bytes up to which this standby has received and flushed.", eg=50_331_648),
        Gauge("pg_last_wal_replay_lsn_bytes", "pg_wal_lsn_diff(r.replay_lsn, '0/0')::bigint",
              "WAL position in bytes up to which this standby has replayed.", eg=50_330_000),
        Gauge("pg_wal_receiver_connected", "CASE WHEN r.standby THEN (w.pid IS NOT NULL)::int END",
              "1 while this standby's receiver streams from its upstream server, else 0.", eg=1),
        Gauge("pg_wal_receiver_written_lsn_bytes", "pg_wal_lsn_diff(w.written_lsn, '0/0')::bigint",
              "WAL position in bytes up to which the receiver has written.", eg=50_331_648),
        Gauge("pg_wal_receiver_latest_end_lsn_bytes", "pg_wal_lsn_diff(w.latest_end_lsn, '0/0')::bigint",
              "WAL position in bytes that the upstream server had at its last message.", eg=50_331_648),
        Gauge("pg_wal_receiver_last_message_age_seconds",
              "date_part('epoch', clock_timestamp() - w.last_msg_receipt_time)",
              "Time since the upstream server sent its last message.", eg=0.8),
        Gauge("pg_recovery_replay_lag_seconds",
              "CASE WHEN w.pid > 0 AND r.replay_lsn >= r.receive_lsn OR r.replayed_at > now() THEN 0"
              " ELSE date_part('epoch', now() - r.replayed_at) END",
              "Age of the last replayed transaction; 0 when all is replayed and the receiver is connected.",
              eg=0.5),
        Gauge("pg_recovery_paused", "r.paused::int", "1 while replay on this standby is paused, else 0.",
              eg=0),
        Gauge("pg_stat_replication_sync_standbys", "CASE WHEN s.seen THEN s.sync END",
              "Connected standbys that commits wait for.", eg=1),
        Counter("pg_stat_recovery_prefetch_prefetch_total", {15: "p.prefetch"},
                "Blocks that recovery asked for ahead of time.", eg=4_000),
        Counter("pg_stat_recovery_prefetch_hit_total", {15: "p.hit"},
                "Blocks not asked for because they were in the buffers.", eg=90_000),
        Counter("pg_stat_recovery_prefetch_skip_init_total", {15: "p.skip_init"},
                "Blocks not asked for because they were going to be zeroed.", eg=12),
        Counter("pg_stat_recovery_prefetch_skip_new_total", {15: "p.skip_new"},
                "Blocks not asked for because they did not exist yet.", eg=30),
        Counter("pg_stat_recovery_prefetch_skip_fpw_total", {15: "p.skip_fpw"},
                "Blocks not asked for because the WAL holds a full image of them.", eg=2_000),
        Counter("pg_stat_recovery_prefetch_skip_rep_total", {15: "p.skip_rep"},
                "Blocks not asked for because they had been a moment before.", eg=70_000),
        Gauge("pg_stat_recovery_prefetch_wal_distance_bytes", {15: "p.wal_distance"},
              "How far ahead of replay the prefetcher looks.", eg=8_192),
        Gauge("pg_stat_recovery_prefetch_block_distance", {15: "p.block_distance"},
              "Blocks that the prefetcher looks ahead.", eg=10),
        Gauge("pg_stat_recovery_prefetch_io_depth", {15: "p.io_depth"},
              "Reads that the prefetcher has started and that are not known to be done.", eg=2),
    ),
    needs=("pg_read_all_stats",),
)  # fmt: skip
