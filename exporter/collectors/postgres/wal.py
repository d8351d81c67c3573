"""WAL segments on disk, from pg_ls_waldir()."""

from exporter.model.view import Gauge, View

VIEW = View(
    help="WAL segments on disk, from pg_ls_waldir().",
    # Other files lie there too: timeline histories, backup labels.
    source="pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'",
    docs="functions-admin.html#FUNCTIONS-ADMIN-GENFILE",
    metrics=(
        Gauge("pg_wal_segments", "count(*)", "WAL segment files in pg_wal.", eg=64),
        Gauge("pg_wal_size_bytes", "sum(size)::bigint", "Size of the WAL segment files in pg_wal.",
              eg=1_073_741_824),
    ),
    needs=("pg_ls_waldir()",),
)  # fmt: skip
