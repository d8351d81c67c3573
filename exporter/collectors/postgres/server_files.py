"""WAL files that wait to be archived, and temporary files, from the functions that list directories."""

from exporter.model.view import Gauge, View

VIEW = View(
    help="WAL files that wait to be archived, and temporary files, from the directories' listings.",
    source="(SELECT) AS one",
    docs="functions-admin.html#FUNCTIONS-ADMIN-GENFILE",
    metrics=(
        Gauge("pg_wal_archive_ready_files",
              "(SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name ~ '[.]ready$')",
              "WAL files that wait to be archived; grows while archive_command fails.", eg=0),
        Gauge("pg_wal_archive_oldest_ready_age_seconds",
              "(SELECT date_part('epoch', now() - min(modification))"
              " FROM pg_ls_archive_statusdir() WHERE name ~ '[.]ready$')",
              "How long the oldest WAL file has waited to be archived; absent if none waits.", eg=12.5),
        Gauge("pg_tmp_files", "(SELECT count(*) FROM pg_ls_tmpdir())",
              "Temporary files in the default tablespace now.", eg=3),
        Gauge("pg_tmp_size_bytes", "(SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_tmpdir())",
              "Size of the temporary files in the default tablespace now.", eg=14_000_000),
    ),
    needs=("pg_ls_archive_statusdir()", "pg_ls_tmpdir()"),
    every_seconds=30.0,
)  # fmt: skip
