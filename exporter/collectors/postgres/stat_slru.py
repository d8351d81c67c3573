"""The small caches for transaction status, multixacts, subtransactions and so on, from pg_stat_slru.

PostgreSQL 17 renamed the caches (`Xact` became `transaction`): the label is what the server calls them.
"""

from exporter.model.view import Counter, Gauge, Label, View

VIEW = View(
    help="The small caches for transaction status, multixacts and so on, from pg_stat_slru.",
    source="pg_stat_slru",
    docs="monitoring-stats.html#MONITORING-PG-STAT-SLRU-VIEW",
    labels=(Label("name", "name", eg="transaction"),),
    metrics=(
        Counter("pg_stat_slru_blks_zeroed_total", "blks_zeroed", "Blocks set to zero when new.", eg=17),
        Counter("pg_stat_slru_blks_hit_total", "blks_hit",
                "Reads that found the block in the cache.", eg=98_304),
        Counter("pg_stat_slru_blks_read_total", "blks_read", "Blocks read from disk.", eg=256),
        Counter("pg_stat_slru_blks_written_total", "blks_written", "Blocks written to disk.", eg=1_024),
        Counter("pg_stat_slru_blks_exists_total", "blks_exists",
                "Times that it was asked whether a block exists.", eg=3),
        Counter("pg_stat_slru_flushes_total", "flushes", "Times that changed blocks were flushed.", eg=354),
        Counter("pg_stat_slru_truncates_total", "truncates", "Times that old blocks were cut off.", eg=12),
        Gauge("pg_stat_slru_stats_reset_timestamp_seconds", "date_part('epoch', stats_reset)",
              "Unix time at which these statistics were last reset.", eg=1_685_059_842),
    ),
    every_seconds=30.0,
)  # fmt: skip
