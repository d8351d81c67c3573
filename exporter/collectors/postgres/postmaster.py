"""When the server was started, from pg_postmaster_start_time()."""

from exporter.model.view import Gauge, View

VIEW = View(
    help="When the server was started, from pg_postmaster_start_time().",
    source="pg_postmaster_start_time() AS started",
    docs="functions-info.html#FUNCTIONS-INFO-SESSION-TABLE",
    metrics=(
        Gauge("pg_postmaster_start_time_seconds", "date_part('epoch', started)",
              "Unix time at which the server was started.", eg=1_685_059_842.5),
    ),
    default=False,
)  # fmt: skip
