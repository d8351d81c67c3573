"""Use of the shared buffers, from pg_buffercache_summary() (PostgreSQL 16 and newer).

It needs the extension pg_buffercache, and looks at every buffer, without locks: some milliseconds for each
gigabyte of shared_buffers. So it is off until it is wanted.
"""

from exporter.model.view import Gauge, View

VIEW = View(
    help="Use of the shared buffers, from pg_buffercache_summary() (PostgreSQL 16 and newer).",
    source={16: "EXTENSION.pg_buffercache_summary()"},
    extension="pg_buffercache",
    docs="pgbuffercache.html",
    metrics=(
        Gauge("pg_buffercache_summary_buffers_used", "buffers_used", "Shared buffers in use.", eg=15_432),
        Gauge("pg_buffercache_summary_buffers_unused", "buffers_unused", "Shared buffers not in use.",
              eg=952),
        Gauge("pg_buffercache_summary_buffers_dirty", "buffers_dirty",
              "Shared buffers with changes that are not on disk yet.", eg=310),
        Gauge("pg_buffercache_summary_buffers_pinned", "buffers_pinned",
              "Shared buffers that some process works with right now.", eg=4),
        Gauge("pg_buffercache_summary_usagecount_avg", "coalesce(usagecount_avg, 0)",
              "Mean usage count (0 to 5) of the shared buffers in use, 0 where none is.", eg=3.25),
    ),
    needs=("pg_buffercache_summary()",),
    default=False,
)  # fmt: skip
