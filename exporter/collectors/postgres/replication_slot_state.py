"""What replication slots hold back besides WAL, why they were lost, and what decoding spilled and sent.

WAL held back, state of the WAL and activity are in `replication_slots`, under upstream's names.
"""

from exporter.model.view import Counter, Gauge, Label, View

SLOTS = """(
    SELECT *, CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                   ELSE pg_current_wal_lsn() END AS here
    FROM pg_replication_slots
) AS s"""

BY_SLOT = ("slot_name", "slot_type")

VIEW = View(
    help="Replication slots: rows held back, reason of a loss, and what logical decoding has done.",
    source={13: SLOTS, 14: f"{SLOTS}\nLEFT JOIN pg_stat_replication_slots AS t USING (slot_name)"},
    docs="view-pg-replication-slots.html",
    labels=(
        Label("slot_name", "slot_name", eg="changes"),
        Label("slot_type", "slot_type", eg="logical"),
        Label("invalidation_reason", {17: "invalidation_reason"}, eg="wal_removed"),
    ),
    metrics=(
        Gauge("pg_replication_slots_xmin_age_xids", "age(s.xmin)",
              "Transactions begun since the oldest one whose rows the slot holds back.",
              eg=1_500, by=BY_SLOT),
        Gauge("pg_replication_slots_catalog_xmin_age_xids", "age(s.catalog_xmin)",
              "Transactions begun since the oldest one whose catalogue rows the slot holds back.",
              eg=1_500, by=BY_SLOT),
        Gauge("pg_replication_slots_unconfirmed_wal_bytes",
              "pg_wal_lsn_diff(greatest(s.here, s.confirmed_flush_lsn), s.confirmed_flush_lsn)::bigint",
              "WAL that the receiver of a logical slot has not confirmed.", eg=2_048, by=BY_SLOT),
        Gauge("pg_replication_slots_inactive_since_timestamp_seconds",
              {17: "date_part('epoch', inactive_since)"},
              "Unix time since which nobody uses the slot; absent while somebody does.",
              eg=1_700_000_000, by=BY_SLOT),
        Gauge("pg_replication_slots_conflicting", {16: "conflicting::int"},
              "1 if the logical slot was lost to a conflict with recovery, else 0.", eg=0, by=BY_SLOT),
        Gauge("pg_replication_slots_invalidation_reason",
              {17: "CASE WHEN invalidation_reason IS NOT NULL THEN 1 END"},
              "1 with the reason for which the slot was lost as a label; absent for a good one.", eg=1),
        Gauge("pg_replication_slots_failover", {17: "failover::int"},
              "1 if the slot is kept in step on standbys, else 0.", eg=0, by=BY_SLOT),
        Gauge("pg_replication_slots_synced", {17: "synced::int"},
              "1 if this standby keeps the slot in step with its primary's, else 0.", eg=0, by=BY_SLOT),
        Counter("pg_stat_replication_slots_spill_txns_total", {14: "t.spill_txns"},
                "Transactions that decoding spilled to disk.", eg=3, by=BY_SLOT),
        Counter("pg_stat_replication_slots_spill_count_total", {14: "t.spill_count"},
                "Times that decoding spilled to disk.", eg=5, by=BY_SLOT),
        Counter("pg_stat_replication_slots_spill_bytes_total", {14: "t.spill_bytes"},
                "Decoded data that was spilled to disk.", eg=132_000_000, by=BY_SLOT),
        Counter("pg_stat_replication_slots_stream_txns_total", {14: "t.stream_txns"},
                "Transactions sent while they were still running.", eg=2, by=BY_SLOT),
        Counter("pg_stat_replication_slots_stream_count_total", {14: "t.stream_count"},
                "Times that a part of a running transaction was sent.", eg=9, by=BY_SLOT),
        Counter("pg_stat_replication_slots_stream_bytes_total", {14: "t.stream_bytes"},
                "Decoded data sent of transactions that were still running.", eg=99_000_000, by=BY_SLOT),
        Counter("pg_stat_replication_slots_total_txns_total", {14: "t.total_txns"},
                "Transactions sent to the slot's receiver.", eg=700, by=BY_SLOT),
        Counter("pg_stat_replication_slots_total_bytes_total", {14: "t.total_bytes"},
                "Data decoded for transactions sent to the slot's receiver.", eg=231_000_000, by=BY_SLOT),
    ),
    every_seconds=60,
)  # fmt: skip
