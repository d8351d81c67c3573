"""What rarely changes about a server: identity, checksums, configuration, timeline, last checkpoint."""

from exporter.model.view import Gauge, Label, View

FACTS = """pg_control_system() AS i
CROSS JOIN pg_control_checkpoint() AS c
CROSS JOIN (
    SELECT count(*) FILTER (WHERE pending_restart) AS pending,
           max(setting) FILTER (WHERE name = 'server_version_num') AS version_num,
           bool_or(setting = 'on') FILTER (WHERE name = 'data_checksums') AS checksums
    FROM pg_settings
) AS s"""

VIEW = View(
    help="Identity, checksums, configuration, timeline and last checkpoint of the server.",
    source=FACTS,
    docs="functions-info.html#FUNCTIONS-INFO-CONTROLDATA",
    labels=(
        Label("cluster_name", "current_setting('cluster_name')", eg="orders"),
        Label("system_identifier", "i.system_identifier", eg="7400000000000000001"),
    ),
    metrics=(
        Gauge("pg_server_info", "1",
              "1, with the name of the cluster, and the identifier that it shares with its standbys.", eg=1),
        Gauge("pg_server_version_num", "s.version_num::int",
              "Version of the server as a number: 150018 is 15.18.", eg=150_018, by=()),
        Gauge("pg_data_checksums_enabled", "s.checksums::int",
              "1 if data pages have checksums, else 0.", eg=1, by=()),
        Gauge("pg_conf_load_timestamp_seconds", "date_part('epoch', pg_conf_load_time())",
              "Unix time at which the configuration was last loaded.", eg=1_700_000_000, by=()),
        Gauge("pg_pending_restart_settings", "s.pending",
              "Settings that were changed and wait for a restart of the server.", eg=0, by=()),
        Gauge("pg_control_checkpoint_timeline_id", "c.timeline_id",
              "Timeline of the last checkpoint: a promotion makes it one higher.", eg=1, by=()),
        Gauge("pg_control_checkpoint_timestamp_seconds", "date_part('epoch', c.checkpoint_time)",
              "Unix time of the last checkpoint; on a standby, of the last that it made a restart point of.",
              eg=1_700_000_000, by=()),
        Gauge("pg_control_checkpoint_redo_lsn_bytes", "pg_wal_lsn_diff(c.redo_lsn, '0/0')::bigint",
              "WAL position in bytes from which recovery would start.", eg=50_331_648, by=()),
    ),
    needs=("pg_read_all_settings",),
    every_seconds=60,
)  # fmt: skip
