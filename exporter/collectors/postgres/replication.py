"""Whether this server is a standby, and how far behind, from the recovery functions.

On a primary both times are 0, and the lag is 0 as well when all WAL that was received is replayed,
also where none arrives any more.
"""

from exporter.model.view import Gauge, View

RECOVERY = """(
    SELECT pg_is_in_recovery() AS standby,
           pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AS caught_up,
           date_part('epoch', now() - pg_last_xact_replay_timestamp()) AS replay_age
) AS r"""

VIEW = View(
    help="Whether this server is a standby, and how far behind, from the recovery functions.",
    source=RECOVERY,
    docs="functions-admin.html#FUNCTIONS-RECOVERY-CONTROL",
    metrics=(
        Gauge("pg_replication_lag_seconds",
              "CASE WHEN NOT standby OR caught_up THEN 0 ELSE greatest(0, replay_age) END",
              "Age of the last replayed transaction, 0 when all received WAL is replayed.", eg=0.5),
        Gauge("pg_replication_is_replica", "standby::int", "1 on a standby, 0 on a primary.", eg=0),
        Gauge("pg_replication_last_replay_seconds", "greatest(0, replay_age)",
              "Age of the last replayed transaction, 0 where none was ever replayed.", eg=0.5),
    ),
)  # fmt: skip
