"""Cases of inhibition among the alerts of applications, and of anomalies."""

from __future__ import annotations

from tests.e2e.inhibition import Case, elsewhere, of_job, one

APPLICATIONS = (
    Case(
        "a cause without a job",
        causes=(
            of_job("ServiceDown", job=None),
            of_job("ErrorBudgetBurnFast", job=None, slo="availability"),
            of_job("ErrorBudgetBurn", job=None, slo="latency"),
            of_job("HighErrorRate", job=None),
            one("PostgresDeadlocks", job=None),
        ),
        spared=(
            of_job("ModerateErrorRate", job=None),
            of_job("HighLatencyP99", job=None),
            of_job("NoOrders", job=None),
            of_job("ErrorBudgetBurnSlow", job=None, slo="availability"),
            of_job("ErrorBudgetBurnTrickle", job=None, slo="latency"),
            of_job("AnomalousRequestRate", job=None, signal="requests"),
            one("AnomalousLatencyOrQueries", job=None, signal="transactions"),
        ),
    ),
    Case(
        "an application without its database",
        causes=(of_job("DatabaseDown"),),
        silenced=(
            of_job("HighErrorRate"),
            of_job("ErrorBudgetBurnFast", slo="availability"),
            of_job("NoOrders"),
            one("DatabaseConnectionsHigh", db_client_connection_pool_name="app"),
            of_job("HighLatencyP99"),
        ),
        spared=(
            of_job("HighErrorRate", job="another"),
            of_job("HighErrorRate", cluster="another"),
            of_job("ServiceDown"),
            one("PostgresConnectionsHigh", "critical", job="postgres"),
        ),
    ),
    Case(
        "an application is down",
        causes=(of_job("ServiceDown"),),
        silenced=(of_job("HighErrorRate"), of_job("NoOrders"), of_job("OrderDrop")),
        spared=(of_job("DatabaseDown"), of_job("NoOrders", job="another"), of_job("NoOrders", job=None)),
    ),
    Case(
        "an error budget burns fast",
        causes=(of_job("ErrorBudgetBurnFast", slo="availability"),),
        silenced=(
            of_job("ErrorBudgetBurn", slo="availability"),
            of_job("ErrorBudgetBurnSlow", slo="availability"),
            of_job("HighErrorRate"),
            of_job("ModerateErrorRate"),
        ),
        spared=(
            of_job("ErrorBudgetBurnSlow", slo="latency"),
            of_job("ErrorBudgetExhausted", slo="availability"),
            of_job("HighLatencyP99"),
            of_job("HighErrorRate", job="another"),
            of_job("HighErrorRate", cluster="another"),
            of_job("ErrorBudgetBurnSlow", slo="availability", job="another"),
            of_job("ErrorBudgetBurnSlow", slo="availability", cluster="another"),
        ),
    ),
    Case(
        "an error budget burns by latency",
        causes=(of_job("ErrorBudgetBurn", slo="latency"),),
        silenced=(of_job("HighLatencyP99"), of_job("ErrorBudgetBurnTrickle", slo="latency")),
        spared=(
            of_job("ModerateErrorRate"),
            of_job("HighLatencyP99", job="another"),
            of_job("HighLatencyP99", cluster="another"),
            of_job("ErrorBudgetBurnTrickle", slo="latency", job="another"),
            of_job("ErrorBudgetBurnTrickle", slo="latency", cluster="another"),
            of_job("ErrorBudgetBurnTrickle", slo="availability"),
        ),
    ),
    Case(
        "many errors, and some",
        causes=(of_job("HighErrorRate"),),
        silenced=(of_job("ModerateErrorRate"),),
        spared=(of_job("ModerateErrorRate", job="another"), of_job("ModerateErrorRate", cluster="another")),
    ),
    Case(
        "an anomaly beside something known",
        causes=(one("PostgresDeadlocks", datname="app"),),
        silenced=(
            one("AnomalousLatencyOrQueries", signal="transactions"),
            of_job("AnomalousRequestRate", signal="requests"),
        ),
        spared=(
            *elsewhere("AnomalousLatencyOrQueries", signal="transactions"),
            one("AnomalousLatencyOrQueries", signal="transactions", job="another"),
            of_job("AnomalousRequestRate", signal="requests", job="another"),
            of_job("AnomalousRequestRate", signal="requests", cluster="another"),
        ),
    ),
    Case(
        "an anomaly beside an info",
        causes=(one("PostgresCacheHitRatioLow"),),
        spared=(
            one("AnomalousLatencyOrQueries", signal="transactions"),
            of_job("AnomalousRequestRate", signal="requests"),
        ),
    ),
    Case(
        "anomalies among themselves",
        causes=(of_job("AnomalousRequestRate", signal="requests"),),
        spared=(of_job("AnomalousLatencyOrQueries", signal="latency"),),
    ),
    Case(
        "requests wait for a pool",
        causes=(one("ApplicationPoolSaturated", pool="app"),),
        silenced=(one("DatabaseConnectionsHigh", db_client_connection_pool_name="app"),),
        spared=(
            one("DatabaseConnectionsHigh", instance="another", db_client_connection_pool_name="app"),
            one("DatabaseConnectionsHigh", job="another", db_client_connection_pool_name="app"),
        ),
    ),
)
