"""CLUSTER INFO: what a node knows of its cluster."""

from __future__ import annotations

from exporter.model.metric import Metric, gauge
from exporter.model.table import Table, single
from exporter.sources.redis import Info

KNOWN = {
    "cluster_state": gauge("redis_cluster_state", "1 if the cluster is well as this node sees it."),
    "cluster_slots_assigned": gauge("redis_cluster_slots_assigned", "Slots that have an owner."),
    "cluster_slots_ok": gauge("redis_cluster_slots_ok", "Slots on nodes that do not seem to fail."),
    "cluster_slots_pfail": gauge("redis_cluster_slots_pfail", "Slots on nodes that may have failed."),
    "cluster_slots_fail": gauge("redis_cluster_slots_fail", "Slots on nodes that have failed."),
    "cluster_known_nodes": gauge("redis_cluster_known_nodes", "Nodes that are known, new ones included."),
    "cluster_size": gauge("redis_cluster_size", "Masters that own at least one slot."),
    "cluster_current_epoch": gauge("redis_cluster_current_epoch", "Current epoch of the cluster."),
    "cluster_my_epoch": gauge("redis_cluster_my_epoch", "Configuration epoch of this node."),
    "cluster_stats_messages_sent": gauge(
        "redis_cluster_messages_sent_total", "Messages sent over the cluster bus so far."
    ),
    "cluster_stats_messages_received": gauge(
        "redis_cluster_messages_received_total", "Messages received over the cluster bus so far."
    ),
}
OTHERS = (
    gauge("redis_cluster_stats_messages_<kind>_sent", "Messages of a kind sent over the cluster bus so far."),
    gauge(
        "redis_cluster_stats_messages_<kind>_received",
        "Messages of a kind received over the cluster bus so far.",
    ),
    gauge("redis_cluster_<field>", "Any other field of CLUSTER INFO that is a number."),
)
METRICS = (*KNOWN.values(), *OTHERS)


class ClusterInfo:
    """Turns replies of CLUSTER INFO into a table; remembers the metrics it had to make up."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = dict(KNOWN)

    def table(self, text: str) -> Table:
        """All fields that start with `cluster_` and are numbers, under their own names."""
        cluster = Info(text)
        values = {self._metric(f): cluster.number(f) for f in cluster.fields if f.startswith("cluster_")}
        return single({metric: value for metric, value in values.items() if value is not None})

    def _metric(self, field: str) -> Metric:
        metric = self._metrics.get(field)
        if metric is None:
            name = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in f"redis_{field}")
            metric = self._metrics[field] = gauge(name, f"The field {field} of CLUSTER INFO.")
        return metric
