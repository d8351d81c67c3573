"""How client sessions are encrypted, from pg_stat_ssl."""

from exporter.model.view import Gauge, Label, View

VIEW = View(
    help="Client sessions by version of TLS and cipher, from pg_stat_ssl.",
    source="pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl IS NOT NULL GROUP BY version, cipher",
    docs="monitoring-stats.html#MONITORING-PG-STAT-SSL-VIEW",
    labels=(
        Label("version", "version", eg="TLSv1.3", null="none"),
        Label("cipher", "cipher", eg="TLS_AES_256_GCM_SHA384", null="none"),
    ),
    metrics=(
        Gauge("pg_tls_sessions", "count(*)",
              "Client sessions with this version of TLS, `none` without encryption.", eg=12),
    ),
    needs=("pg_read_all_stats",),
    every_seconds=60,
)  # fmt: skip
