"""The receiver of WAL on a standby, from pg_stat_wal_receiver.

On a primary, and on a standby that is cut off, there is no receiver and no sample. Positions are modulo
2^52, as upstream has them: a sample's value is exact up to there.
"""

from exporter.model.view import Counter, Gauge, Label, View

VIEW = View(
    help="The receiver of WAL on a standby, from pg_stat_wal_receiver.",
    source="pg_stat_wal_receiver",
    docs="monitoring-stats.html#MONITORING-PG-STAT-WAL-RECEIVER-VIEW",
    labels=(
        Label("upstream_host",
              "coalesce(trim(both '''' from substring(conninfo from 'host=([^ ]*)')), sender_host)",
              eg="192.0.2.5"),
        Label("slot_name", "slot_name", eg="standby1"),
        Label("status", "status", eg="streaming"),
    ),
    metrics=(
        Counter("pg_stat_wal_receiver_receive_start_lsn",
                "pg_wal_lsn_diff(receive_start_lsn, '0/0')::bigint % (1::bigint << 52)",
                "WAL position in bytes where the receiver started.", eg=50_331_648),
        Counter("pg_stat_wal_receiver_flushed_lsn",
                "pg_wal_lsn_diff(flushed_lsn, '0/0')::bigint % (1::bigint << 52)",
                "WAL position in bytes up to which all is received and on disk.", eg=50_398_208),
        Gauge("pg_stat_wal_receiver_receive_start_tli", "receive_start_tli",
              "Timeline on which the receiver started.", eg=1),
        Gauge("pg_stat_wal_receiver_received_tli", "received_tli",
              "Timeline of the last WAL that was received.", eg=1),
        Counter("pg_stat_wal_receiver_last_msg_send_time", "date_part('epoch', last_msg_send_time)",
                "Unix time at which the sender sent its last message.", eg=1_685_059_842.25),
        Counter("pg_stat_wal_receiver_last_msg_receipt_time", "date_part('epoch', last_msg_receipt_time)",
                "Unix time at which the sender's last message came.", eg=1_685_059_842.5),
        Counter("pg_stat_wal_receiver_latest_end_lsn",
                "pg_wal_lsn_diff(latest_end_lsn, '0/0')::bigint % (1::bigint << 52)",
                "WAL position in bytes that was last reported to the sender.", eg=50_398_208),
        Counter("pg_stat_wal_receiver_latest_end_time", "date_part('epoch', latest_end_time)",
                "Unix time of the last report of a position to the sender.", eg=1_685_059_842.5),
        Gauge("pg_stat_wal_receiver_upstream_node",
              "substring(slot_name from 'repmgr_slot_([0-9]+)')::bigint",
              "Node of repmgr that the slot's name stands for; absent for other names.", eg=2),
    ),
    needs=("pg_read_all_stats",),
    default=False,
)  # fmt: skip
