"""Replication slots and the WAL they hold back, from pg_replication_slots."""

from exporter.model.view import Gauge, Label, View

SLOTS = """(
    SELECT *, CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                   ELSE pg_current_wal_lsn() END AS here
    FROM pg_replication_slots
) AS s"""

BY_DATABASE = ("slot_name", "database")
BY_TYPE = ("slot_name", "slot_type")

VIEW = View(
    help="Replication slots and the WAL they hold back, from pg_replication_slots.",
    source=SLOTS,
    docs="view-pg-replication-slots.html",
    labels=(
        Label("slot_name", "slot_name", eg="standby1"),
        Label("database", "database", eg="app"),
        Label("slot_type", "slot_type", eg="logical", null="unknown"),
        Label("wal_status", "wal_status", eg="reserved", null="unknown"),
    ),
    metrics=(
        Gauge("pg_replication_slots_active", "active::int",
              "1 while a receiver uses the slot, else 0.", eg=1, by=BY_DATABASE),
        Gauge("pg_replication_slots_pg_wal_lsn_diff", "pg_wal_lsn_diff(here, restart_lsn)::bigint",
              "Bytes of WAL that the slot holds back.", eg=16_777_216, by=BY_DATABASE),
        Gauge("pg_replication_slots_slot_current_wal_lsn", "pg_wal_lsn_diff(here, '0/0')::bigint",
              "WAL position of this server in bytes.", eg=50_331_648, by=BY_TYPE),
        Gauge("pg_replication_slots_slot_confirmed_flush_lsn",
              "CASE WHEN active THEN coalesce(pg_wal_lsn_diff(confirmed_flush_lsn, '0/0'), 0)::bigint END",
              "WAL position in bytes that the receiver confirmed, 0 for a physical slot.",
              eg=50_329_600, by=BY_TYPE),
        Gauge("pg_replication_slots_slot_is_active", "active::int",
              "1 while a receiver uses the slot, else 0.", eg=1, by=BY_TYPE),
        Gauge("pg_replication_slots_safe_wal_size_bytes", "safe_wal_size",
              "Bytes of WAL until the slot may be lost; absent without max_slot_wal_keep_size.",
              eg=1_073_741_824, by=BY_TYPE),
        Gauge("pg_replication_slots_wal_status", "CASE WHEN wal_status IS NOT NULL THEN 1 END",
              "1 with the state of the WAL that the slot needs as a label.", eg=1,
              by=("slot_name", "slot_type", "wal_status")),
    ),
)  # fmt: skip
