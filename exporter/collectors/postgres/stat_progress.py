"""How far long commands are, from the pg_stat_progress views but that of VACUUM.

Commands of the same kind on the same table in the same phase share a row. A table has its name in the
database that the exporter is connected to; in another database it shows as its OID.
"""

from exporter.model.view import Gauge, Label, View

ANALYZE = """SELECT 'ANALYZE' AS command, datname, relid, phase,
           sample_blks_total AS blocks, sample_blks_scanned AS blocks_done,
           NULL::bigint AS tuples, NULL::bigint AS tuples_done,
           NULL::bigint AS bytes, NULL::bigint AS bytes_done,
           child_tables_total AS parts, child_tables_done AS parts_done,
           NULL::bigint AS lockers, NULL::bigint AS lockers_done
    FROM pg_stat_progress_analyze"""

CREATE_INDEX = """SELECT command, datname, relid, phase, blocks_total, blocks_done,
           tuples_total, tuples_done, NULL, NULL, partitions_total, partitions_done,
           lockers_total, lockers_done
    FROM pg_stat_progress_create_index"""

# It counts rows without knowing how many there are.
CLUSTER = """SELECT command, datname, relid, phase, heap_blks_total, heap_blks_scanned,
           NULL, heap_tuples_written, NULL, NULL, NULL, NULL, NULL, NULL
    FROM pg_stat_progress_cluster"""

BASE_BACKUP = """SELECT 'BASE_BACKUP', NULL, NULL, phase, NULL, NULL,
           NULL, NULL, backup_total, backup_streamed, tablespaces_total, tablespaces_streamed, NULL, NULL
    FROM pg_stat_progress_basebackup"""

# COPY has no phase, and a size of 0 where it does not know one.
COPY = """SELECT command, datname, relid, '', NULL, NULL,
           NULL, tuples_processed, nullif(bytes_total, 0), bytes_processed, NULL, NULL, NULL, NULL
    FROM pg_stat_progress_copy"""


NAMED = """
) AS p
LEFT JOIN LATERAL (
    SELECT coalesce((SELECT relname FROM pg_class WHERE oid = p.relid AND p.datname = current_database()),
                    nullif(p.relid, 0)::text) AS relname
) AS c ON true
GROUP BY p.command, p.datname, c.relname, p.phase"""


def _commands(*selects: str) -> str:
    return "(\n    " + "\n    UNION ALL\n    ".join(selects) + NAMED


VIEW = View(
    help="How far long commands are, from the pg_stat_progress views but that of VACUUM.",
    source={
        13: _commands(ANALYZE, CREATE_INDEX, CLUSTER, BASE_BACKUP),
        14: _commands(ANALYZE, CREATE_INDEX, CLUSTER, BASE_BACKUP, COPY),
    },
    docs="progress-reporting.html",
    labels=(
        Label("command", "p.command", eg="CREATE INDEX"),
        Label("datname", "p.datname", eg="app"),
        Label("relname", "c.relname", eg="orders"),
        Label("phase", "p.phase", eg="building index: scanning table"),
    ),
    metrics=(
        Gauge("pg_stat_progress_commands", "count(*)", "Commands that are at this.", eg=1),
        Gauge("pg_stat_progress_blocks", "sum(p.blocks)", "Blocks to read in this phase.", eg=20_000),
        Gauge("pg_stat_progress_done_blocks", "sum(p.blocks_done)", "Blocks read in this phase.", eg=5_000),
        Gauge("pg_stat_progress_tuples", "sum(p.tuples)", "Rows to handle in this phase.", eg=1_000_000),
        Gauge("pg_stat_progress_done_tuples", "sum(p.tuples_done)", "Rows handled so far.", eg=250_000),
        Gauge("pg_stat_progress_bytes", "sum(p.bytes)",
              "Bytes to copy or to send; absent where that is not known.", eg=1_073_741_824),
        Gauge("pg_stat_progress_done_bytes", "sum(p.bytes_done)", "Bytes copied or sent so far.",
              eg=268_435_456),
        Gauge("pg_stat_progress_parts", "sum(p.parts)",
              "Partitions, child tables or tablespaces to handle.", eg=4),
        Gauge("pg_stat_progress_done_parts", "sum(p.parts_done)",
              "Partitions, child tables or tablespaces handled so far.", eg=1),
        Gauge("pg_stat_progress_lockers", "sum(p.lockers)",
              "Transactions that the command has to wait for.", eg=2),
        Gauge("pg_stat_progress_done_lockers", "sum(p.lockers_done)",
              "Transactions that the command has waited for.", eg=1),
    ),
    needs=("pg_read_all_stats",),
)  # fmt: skip
