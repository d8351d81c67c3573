"""What keeps VACUUM from removing dead rows: the oldest transaction that each kind of holder needs.

A session holds the horizon by its snapshot, and by its transaction's number as soon as that has written.
"""

from exporter.model.view import Gauge, Label, View

HOLDERS = """(
    SELECT 'session' AS holder, max(greatest(age(backend_xmin), age(backend_xid))) AS age
    FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND backend_type <> 'walsender'
    UNION ALL SELECT 'prepared_transaction', max(age(transaction)) FROM pg_prepared_xacts
    UNION ALL SELECT 'replication_slot', max(age(xmin)) FROM pg_replication_slots
    UNION ALL SELECT 'replication_slot_catalog', max(age(catalog_xmin)) FROM pg_replication_slots
    UNION ALL SELECT 'standby', max(age(backend_xmin)) FROM pg_stat_replication
) AS h
WHERE age IS NOT NULL"""

VIEW = View(
    help="The oldest transaction that VACUUM must keep rows for, by what holds it.",
    source=HOLDERS,
    docs="routine-vacuuming.html#VACUUM-FOR-WRAPAROUND",
    labels=(Label("holder", "holder", eg="replication_slot"),),
    metrics=(
        Gauge("pg_xmin_horizon_age_xids", "age",
              "Transactions begun since the oldest one that such a holder still needs; absent for none.",
              eg=1_500),
    ),
    needs=("pg_read_all_stats",),
    every_seconds=60,
)  # fmt: skip
