"""Calls and times of functions, from pg_stat_user_functions.

The server counts them with `track_functions` only, which is off as a rule. Functions that share schema and
name, and differ in their arguments, share a row. A bound: in each database the 100 that took longest.
"""

from exporter.model.collector import Cost
from exporter.model.view import Counter, Label, Scope, View

FUNCTIONS = """(
    SELECT schemaname, funcname, sum(calls)::bigint AS calls,
           sum(total_time) AS total_time, sum(self_time) AS self_time
    FROM pg_stat_user_functions
    GROUP BY schemaname, funcname
    ORDER BY sum(total_time) DESC, schemaname, funcname
    LIMIT 100
) AS f"""

VIEW = View(
    help="Calls and times of the 100 functions of each database that took longest.",
    source=FUNCTIONS,
    docs="monitoring-stats.html#MONITORING-PG-STAT-USER-FUNCTIONS-VIEW",
    scope=Scope.DATABASE,
    cost=Cost.ROWS,
    labels=(
        Label("datname", "(SELECT current_database())", eg="app"),
        Label("schemaname", "f.schemaname", eg="public"),
        Label("funcname", "f.funcname", eg="price_of"),
    ),
    metrics=(
        Counter("pg_stat_user_functions_calls_total", "f.calls",
                "Calls of the function; of the 100 of each database that took longest.", eg=12_345),
        Counter("pg_stat_user_functions_total_time_seconds_total", "f.total_time / 1000",
                "Time in the function and in those that it called.", eg=87.25),
        Counter("pg_stat_user_functions_self_time_seconds_total", "f.self_time / 1000",
                "Time in the function itself.", eg=12.5),
    ),
    default=False,
    every_seconds=60.0,
)  # fmt: skip
