"""Replication of PostgreSQL: who is the primary, how far behind are the standbys, what holds back WAL."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import States, graph, stat, state, timeline
from mixin.dashboards._postgres_facts import RESTARTS
from mixin.dashboards._queries import WHO, now, or_zero, series
from mixin.dashboards._tables import Column, alert_list, cell_link, firing, table
from mixin.dashboards._variables import target

ROLES: States = {0: ("PRIMARY", "blue"), 1: ("STANDBY", "purple")}
RECEIVERS: States = {-1: ("no standby", "transparent"), 0: ("CUT OFF", "red"), 1: ("STREAMING", "green")}
PAUSED: States = {0: ("REPLAYING", "green"), 1: ("PAUSED", "orange")}

LAG = "pg_recovery_replay_lag_seconds{$target}"
BEHIND = "instance:pg_replication_lag:bytes{$target}"
RETAINED = "slot:pg_replication_slots_retained_wal:bytes{$target}"
USED = "slot:pg_replication_slots_used_wal:ratio{$target}"
PRIMARIES = """
    count by (job, cluster, environment, namespace, system_identifier) (instance:pg_primary:info{$target})
"""
UNARCHIVED = "pg_wal_archive_oldest_ready_age_seconds{$target} unless pg_replication_is_replica{$target} == 1"
# A standby as its primary sees it.
STANDBY = "{{application_name}} {{client_addr}} {{instance}} {{target}}"


def build() -> Board:
    """For whoever has to know whether a failover would lose something, and why WAL piles up."""
    return Board(
        title="Replication",
        about="Who is the primary, how far behind are the standbys, what holds back WAL.",
        service="postgres",
        variables=target("pg_up"),
        rows=[
            Row("Health", _health()),
            Row("Problems", _problems()),
            Row("Performance", _performance()),
            Row("Standbys and slots", _tables(), collapsed=True),
            Row("Logical subscriptions", _subscriptions(), collapsed=True),
        ],
        restarts=RESTARTS,
    )


def _health() -> Panels:
    return [
        firing("postgres"),
        alert_list("postgres"),
        stat(
            "Primaries of one cluster",
            "Servers that accept writes with the same system identifier, of the cluster with most. Two at "
            "once drift apart with each write: stop one.",
            units.Short,
            now(f"max({PRIMARIES}) or vector(0)", ""),
            alert="PostgresSplitBrain",
        ),
        state(
            "Receivers",
            "Whether every standby streams from its upstream server. One that is CUT OFF falls behind; its "
            "server's log says why.",
            RECEIVERS,
            now("min(pg_wal_receiver_connected{$target}) or vector(-1)", ""),
            alert="PostgresReplicaNotStreaming",
        ),
        stat(
            "Longest lag",
            "Age of the last transaction that the slowest standby has replayed; 0 where all is replayed or "
            "there is no standby.",
            units.Seconds,
            series(f"max({LAG}) or vector(0)", ""),
            alert="PostgresReplicationLagHigh",
        ),
        stat(
            "Fullest slot",
            "What a slot holds back in relation to what it may. At 100 % it is lost, or the disk runs full.",
            units.PercentUnit,
            series(f"max({USED}) or vector(0)", ""),
            alert="PostgresReplicationSlotAtRisk",
        ),
        stat(
            "Oldest WAL not archived",
            "How long a finished WAL file of a primary has waited for archive_command; 0 where none waits.",
            units.Seconds,
            series(f"max({UNARCHIVED}) or vector(0)", ""),
            alert="PostgresWalArchiveFailing",
        ),
        stat(
            "Connected standbys",
            "Receivers that are connected to the chosen servers, those of backups and logical ones included.",
            units.Short,
            now("count(pg_stat_replication_pg_wal_lsn_diff{$target}) or vector(0)", ""),
        ),
    ]


def _problems() -> Panels:
    return [
        timeline(
            "Roles over time",
            "Who was primary when. A change that nobody ordered is a failover; its time is that of the "
            "error.",
            ROLES,
            series("pg_replication_is_replica{$target}"),
            watched=["PostgresRoleChanged", "PostgresSplitBrain"],
        ).span(8),
        timeline(
            "Receivers over time",
            "When each standby was connected. It is empty where there is no standby.",
            RECEIVERS,
            series("pg_wal_receiver_connected{$target}"),
            alert="PostgresReplicaNotStreaming",
        )
        .span(8)
        .no_value("no standby"),
        timeline(
            "Replay over time",
            "Whether somebody has paused the replay of a standby with pg_wal_replay_pause(): it receives "
            "all and shows nothing of it. pg_wal_replay_resume() ends it. It is empty where there is no "
            "standby.",
            PAUSED,
            series("pg_recovery_paused{$target}"),
            watched=["PostgresReplicationLagHigh"],
        )
        .span(8)
        .no_value("no standby"),
        graph(
            "Lag in seconds",
            "How old what a standby shows is. It also climbs where the primary writes nothing and the "
            "receiver is cut off: see the lag in bytes.",
            units.Seconds,
            series(or_zero(LAG)),
            alert="PostgresReplicationLagHigh",
        ),
        graph(
            "Lag in bytes",
            "WAL that its upstream server had written and a standby has not replayed. Would be lost, or "
            "take as long to replay, in a failover.",
            units.BytesIEC,
            series(or_zero(BEHIND)),
            watched=["PostgresReplicationLagHigh"],
        ),
        graph(
            "WAL held back by slots",
            "The line of the alert counts for slots that nobody uses. Drop a slot whose receiver is gone "
            "for good, never that of a standby that comes back.",
            units.BytesIEC,
            series(or_zero(RETAINED), f"{{{{slot_name}}}} {WHO}"),
            alert="PostgresReplicationSlotInactive",
        ),
        graph(
            "Slots in relation to their limit",
            "What each slot holds back of max_slot_wal_keep_size; without that setting, of ten times "
            "max_wal_size.",
            units.PercentUnit,
            series(or_zero(USED), f"{{{{slot_name}}}} {WHO}"),
            alert="PostgresReplicationSlotAtRisk",
        ),
    ]


def _performance() -> Panels:
    return [
        graph(
            "WAL that standbys have not replayed",
            "By the primary's own count, for each receiver. One that climbs alone is slow; all together: "
            "too much is written, or the network is.",
            units.BytesIEC,
            series(
                or_zero("max without (state) (pg_stat_replication_pg_wal_lsn_diff{$target})"),
                STANDBY,
            ),
        ),
        graph(
            "Delay until WAL is replayed",
            "As the primary measures it, for each receiver: what a commit waits for with synchronous_commit "
            "= remote_apply. Nothing is measured while nothing is written.",
            units.Seconds,
            series(
                or_zero("max without (state) (pg_stat_replication_replay_lag_seconds{$target})"),
                STANDBY,
            ),
        ),
        graph(
            "WAL written and replayed",
            "What primaries write and standbys replay. The two should go together.",
            units.BytesPerSecondIEC,
            series("deriv(pg_current_wal_lsn_bytes{$target}[$__rate_interval])", f"written {WHO}"),
            series("deriv(pg_last_wal_replay_lsn_bytes{$target}[$__rate_interval])", f"replayed {WHO}"),
        ),
        graph(
            "Queries cancelled on standbys",
            "Because replay was in their way. Raise max_standby_streaming_delay, or switch on "
            "hot_standby_feedback.",
            units.OpsPerSecond,
            series(
                "sum without (datid, datname) (rate(pg_stat_database_conflicts{$target}[$__rate_interval]))"
            ),
        ),
        graph(
            "WAL on disk",
            "Size of pg_wal. Beyond max_wal_size something holds it: a slot, the archive or wal_keep_size.",
            units.BytesIEC,
            series("pg_wal_size_bytes{$target}"),
            watched=["PostgresReplicationSlotInactive", "PostgresWalArchiveFailing"],
        ).data_links([drill("Host", to("host", "instance"))]),
        graph(
            "WAL files that wait for the archive",
            "Rises while archive_command fails or hangs. Standbys may keep files of the time when they were "
            "primaries.",
            units.Short,
            series("pg_wal_archive_ready_files{$target}"),
            watched=["PostgresWalArchiveFailing"],
        ),
    ]


def _tables() -> Panels:
    standbys = table(
        "Standbys, as their primary sees them",
        "Every receiver of WAL. The state is streaming, or catchup for one that was away.",
        ["instance", "target", "application_name", "client_addr", "slot_name", "state"],
        Column("not replayed", "pg_stat_replication_pg_wal_lsn_diff{$target}", units.BytesIEC),
        Column("write delay", "pg_stat_replication_write_lag_seconds{$target}", units.Seconds),
        Column("flush delay", "pg_stat_replication_flush_lag_seconds{$target}", units.Seconds),
        Column("replay delay", "pg_stat_replication_replay_lag_seconds{$target}", units.Seconds),
    ).height(6)
    slots = table(
        "Slots",
        "What each slot holds back: WAL on disk, and old rows from VACUUM (in transactions since).",
        ["instance", "target", "slot_name"],
        Column("retained", RETAINED, units.BytesIEC, "PostgresReplicationSlotInactive"),
        Column("of its limit", USED, units.PercentUnit, "PostgresReplicationSlotAtRisk"),
        Column("in use", "max without (database) (pg_replication_slots_active{$target})", units.BoolYesNo),
        Column(
            "rows held back",
            "max without (slot_type) (pg_replication_slots_xmin_age_xids{$target})",
            units.Short,
        ),
    ).height(6)
    return [
        cell_link(standbys, "instance", "PostgreSQL", to("postgres", "instance", row=True)),
        cell_link(slots, "instance", "PostgreSQL", to("postgres", "instance", row=True)),
        graph(
            "Time since the last message",
            "How long a standby has heard nothing from its upstream server, which sends one every ten "
            "seconds at least.",
            units.Seconds,
            series(or_zero("pg_wal_receiver_last_message_age_seconds{$target}")),
        ).span(24),
    ]


def _subscriptions() -> Panels:
    return [
        table(
            "Subscriptions",
            "One without a worker stands still: an error in the server's log, or it was disabled.",
            ["instance", "target", "datname", "subname"],
            Column("workers", "pg_stat_subscription_apply_workers{$target}", units.Short),
            Column("enabled", "pg_subscription_enabled{$target}", units.BoolYesNo),
            Column(
                "last message",
                "time() - pg_stat_subscription_last_msg_receipt_timestamp_seconds{$target}",
                units.Seconds,
            ),
        )
        .span(12)
        .no_value("none"),
        graph(
            "Errors of subscriptions",
            "While changes were applied, or tables copied for the first time; from PostgreSQL 15 on. A "
            "conflict repeats until the row is mended.",
            units.OpsPerSecond,
            series(
                or_zero("rate(pg_stat_subscription_stats_apply_errors_total{$target}[$__rate_interval])"),
                f"apply {{{{subname}}}} {WHO}",
            ),
            series(
                or_zero("rate(pg_stat_subscription_stats_sync_errors_total{$target}[$__rate_interval])"),
                f"copy {{{{subname}}}} {WHO}",
            ),
        ),
    ]
