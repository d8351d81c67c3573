"""The row of Prometheus and Alertmanager: other targets than the chosen ones, so all of them are shown."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Panels
from mixin.dashboards._panels import OK, graph, timeline
from mixin.dashboards._queries import series


def prometheus() -> Panels:
    """Whether rules are evaluated, samples stored and notifications sent."""
    return [
        timeline(
            "Configuration of the monitoring",
            "Whether the newest configuration was taken over. After FAILED the old one goes on.",
            OK,
            series("prometheus_config_last_reload_successful", "Prometheus {{instance}}"),
            series("alertmanager_config_last_reload_successful", "Alertmanager {{instance}}"),
            alert="MonitoringConfigReloadFailed",
        ),
        timeline(
            "Rules",
            "Whether all rules could be evaluated. Those that FAILED cannot fire.",
            OK,
            series(
                "sum without (rule_group) "
                "(increase(prometheus_rule_evaluation_failures_total[$__rate_interval])) == bool 0",
                "{{instance}}",
            ),
            alert="PrometheusRuleFailures",
        ),
        graph(
            "Samples stored",
            "At 0 Prometheus is blind, and every graph ends.",
            units.CountsPerSecond,
            series(
                "sum without (type) (rate(prometheus_tsdb_head_samples_appended_total[$__rate_interval]))",
                "{{instance}}",
            ),
            watched=["PrometheusNotIngesting"],
        ),
        graph(
            "Notifications to Alertmanager",
            "Alerts that Prometheus sent, and those that no Alertmanager took.",
            units.OpsPerSecond,
            series(
                "sum without (alertmanager) (rate(prometheus_notifications_sent_total[$__rate_interval]))",
                "sent {{instance}}",
            ),
            series(
                "sum without (alertmanager) (rate(prometheus_notifications_errors_total[$__rate_interval]))",
                "failed {{instance}}",
            ),
            watched=["PrometheusNotificationsFailing"],
        ),
        graph(
            "Notifications to people",
            "Attempts of Alertmanager that failed, by kind of receiver. Without an Alertmanager that is "
            "scraped there is nothing to see.",
            units.OpsPerSecond,
            series(
                "sum by (instance, integration) "
                "(rate(alertmanager_notifications_failed_total[$__rate_interval]))",
                "{{integration}} {{instance}}",
            ),
            watched=["AlertmanagerNotificationsFailing"],
        ),
        graph(
            "Alerts that fire",
            "By severity. Many at once mostly have one cause: begin with the critical ones. The one without "
            "a severity is Watchdog, which always fires.",
            units.Short,
            series('count by (severity) (ALERTS{alertstate="firing"})', "{{severity}}"),
            watched=["Watchdog", "InfoInhibitor"],
        ),
    ]
