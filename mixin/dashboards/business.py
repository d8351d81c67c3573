"""Business: do orders come in as they usually do at this time, and where are they lost."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._jobs import JOB, compared, dashed, past_dashed
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import OUTCOMES, gauge, graph, stacked, stat, tinted
from mixin.dashboards._queries import now, series
from mixin.dashboards._tables import alert_list, firing
from mixin.dashboards._variables import target

HALF_HOUR = 1800
HOUR = 3600
EXPECTED = f"job:orders_expected:rate30m{JOB} * {HALF_HOUR}"
# The alerts look only where enough orders are usual: a shop has no orders at night.
SOME_USUAL = f"""
    (job:orders:rate30m{JOB} or job:orders_expected:rate30m{JOB} * 0) * {HALF_HOUR}
    and {EXPECTED} > 10
"""
MANY_USUAL = f"job:orders_of_expected:ratio{JOB} and {EXPECTED} > 40"
COMPLETED = 'sum by (job) (rate(orders_total{$target, result="completed"}[$__rate_interval]))'
STARTED = "sum by (job) (rate(checkouts_started_total{$target}[$__rate_interval]))"
ORDERS = "sum by (result) (rate(orders_total{$target}[$__rate_interval]))"
LEARNING = "not known yet"


def build() -> Board:
    """For whoever is paged for orders: are there fewer than usual, and at which step are they lost."""
    return Board(
        title="Business",
        about="Do orders come in as they usually do at this time, and at which step are they lost.",
        service="business",
        variables=[*target("orders_total")],
        rows=[
            Row("Health", _health()),
            Row("Problems", _orders()),
            Row("Performance", [*_checkout(), *_users()]),
        ],
    )


def _health() -> Panels:
    return [
        firing("business"),
        alert_list("business"),
        stat(
            "Orders at busy times",
            "Completed in the last half hour, in the job with the fewest of those that usually have some at "
            "this time. Try an order yourself first. Not known until there are seven days to compare with.",
            units.Short,
            now(f"min({SOME_USUAL})", ""),
            alert="NoOrders",
        )
        .decimals(0)
        .no_value(LEARNING),
        gauge(
            "Part of the usual orders",
            "Orders of the last half hour in relation to what is usual at this time, in the job with the "
            "least, where that is enough to compare with.",
            units.PercentUnit,
            now(f"min({MANY_USUAL})", ""),
            alert="OrderDrop",
        )
        .max(1.5)
        .decimals(0)
        .no_value(LEARNING),
        stat(
            "Orders in half an hour",
            "Completed orders of all chosen jobs.",
            units.Short,
            now(f"round(sum(job:orders:rate30m{JOB}) * {HALF_HOUR})", ""),
            watched=["NoOrders", "OrderDrop"],
        ),
        stat(
            "Revenue an hour",
            "Of completed orders, each currency for itself, as of the last half hour.",
            units.Short,
            now(f"sum by (currency) (job:order_revenue:rate30m{JOB}) * {HOUR}", "{{currency}}"),
        ).no_value("none"),
        stat(
            "Conversion",
            "Completed orders in relation to checkouts that were started, all chosen jobs together.",
            units.PercentUnit,
            now(f"sum({COMPLETED}) / (sum({STARTED}) > 0)", ""),
        ).no_value("no checkouts"),
        stat(
            "Active users",
            "Users who are logged in, all chosen jobs together. If they are there and do not order, "
            "something keeps them from it.",
            units.Short,
            now("sum(users_active{$target})", ""),
        ),
    ]


def _orders() -> Panels:
    expected = series(f"sum({EXPECTED})", "usual")
    return [
        dashed(
            past_dashed(
                graph(
                    "Orders, usual and before",
                    "Completed in half an hour, beside what is usual at this time of day and week, beside "
                    "yesterday and beside a week ago. The usual needs seven days.",
                    units.Short,
                    *compared("job:orders:rate30m", f"sum({{}}) * {HALF_HOUR}"),
                    expected,
                    watched=["OrderDrop", "NoOrders", "AnomalousRequestRate"],
                ),
            ),
            "usual",
        ),
        graph(
            "Part of the usual orders over time",
            "Orders in relation to what is usual at this time, by job.",
            units.PercentUnit,
            series(f"job:orders_of_expected:ratio{JOB}", "{{job}}"),
            alert="OrderDrop",
        )
        .axis_soft_max(1.5)
        .no_value(LEARNING),
        tinted(
            stacked(
                "Orders by result",
                "Failed ones that rise while completed ones fall: payment, stock or the database. Both fall: "
                "customers do not get that far.",
                units.CountsPerSecond,
                series(ORDERS, "{{result}}"),
                watched=["NoOrders"],
            ),
            OUTCOMES,
        ).data_links([drill("Errors", to("errors"))]),
        graph(
            "How unusual orders are",
            "Distance from what is usual at this time, in usual spreads. Nothing in the first half day.",
            units.Short,
            series('anomaly:score{job=~"$job", instance=~"$instance|", signal="orders"}', "{{job}}"),
            alert="AnomalousRequestRate",
        ).no_value(LEARNING),
    ]


def _checkout() -> Panels:
    return [
        graph(
            "Checkouts and orders",
            "Checkouts that were started and orders that were completed. A gap that opens: customers give "
            "up in between.",
            units.CountsPerSecond,
            series(f"sum({STARTED})", "started"),
            series(f"sum({COMPLETED})", "completed"),
        ),
        graph(
            "Conversion over time",
            "Completed orders in relation to checkouts that were started, by job.",
            units.PercentUnit,
            series(f"{COMPLETED} / ({STARTED} > 0)", "{{job}}"),
        ),
        past_dashed(
            graph(
                "Revenue now and before",
                "Of completed orders in an hour, all currencies as if they were one: to compare, not to "
                "count.",
                units.Short,
                *compared("job:order_revenue:rate30m", f"sum({{}}) * {HOUR}"),
            )
        ),
        graph(
            "Revenue by currency",
            "Of completed orders in an hour. One currency alone that falls: its way of payment.",
            units.Short,
            series(f"sum by (currency) (job:order_revenue:rate30m{JOB}) * {HOUR}", "{{currency}}"),
        ),
    ]


def _users() -> Panels:
    return [
        graph(
            "Users",
            "Users who are active now. If they fall with the orders, look at what is in front of the "
            "application.",
            units.Short,
            series("sum by (job) (users_active{$target})", "{{job}}"),
        ),
        graph(
            "Registrations an hour",
            "Users who registered. None at a time that has some: the form, or the mail that confirms it.",
            units.Short,
            series(
                f"sum by (job) (rate(users_registered_total{{$target}}[$__rate_interval])) * {HOUR}",
                "{{job}}",
            ),
        ),
    ]
