"""How close tables are to the thresholds of autovacuum, from pg_class, statistics functions and settings.

A ratio of 1 means that autovacuum is due. It is reckoned as the server does it: table storage parameters
before settings, from PostgreSQL 18 with `autovacuum_vacuum_max_threshold` and without the frozen part of the
table for inserts. The ages are the larger ones of a table and its TOAST table. A bound: in each database the
100 tables that are closest to one of the thresholds, of those that have come a tenth of the way, or that
autovacuum leaves alone.
"""

from exporter.model.collector import Cost
from exporter.model.view import Gauge, Label, Scope, View

SETTINGS = """(
    SELECT max(setting::float8) FILTER (WHERE name = 'autovacuum_vacuum_threshold') AS vacuum_base,
           max(setting::float8) FILTER (WHERE name = 'autovacuum_vacuum_scale_factor') AS vacuum_scale,
           max(setting::float8) FILTER (WHERE name = 'autovacuum_vacuum_max_threshold') AS vacuum_most,
           max(setting::float8) FILTER (WHERE name = 'autovacuum_vacuum_insert_threshold') AS insert_base,
           max(setting::float8) FILTER (WHERE name = 'autovacuum_vacuum_insert_scale_factor') AS insert_scale,
           max(setting::float8) FILTER (WHERE name = 'autovacuum_analyze_threshold') AS analyze_base,
           max(setting::float8) FILTER (WHERE name = 'autovacuum_analyze_scale_factor') AS analyze_scale,
           max(setting::float8) FILTER (WHERE name = 'autovacuum_freeze_max_age') AS freeze_most,
           max(setting::float8) FILTER (WHERE name = 'autovacuum_multixact_freeze_max_age') AS multi_most
    FROM pg_settings
    WHERE name ~ '^autovacuum_'
)"""


def _option(name: str) -> str:
    """A table's storage parameter, NULL where it is not set."""
    return f"max(option_value::float8) FILTER (WHERE option_name = '{name}')"


# The server ignores a table's freeze_max_age above the setting.
LIMITS = f"""(
    SELECT coalesce({_option("autovacuum_vacuum_threshold")}, s.vacuum_base) AS vacuum_base,
           coalesce({_option("autovacuum_vacuum_scale_factor")}, s.vacuum_scale) AS vacuum_scale,
           coalesce({_option("autovacuum_vacuum_max_threshold")}, s.vacuum_most) AS vacuum_most,
           coalesce({_option("autovacuum_vacuum_insert_threshold")}, s.insert_base) AS insert_base,
           coalesce({_option("autovacuum_vacuum_insert_scale_factor")}, s.insert_scale) AS insert_scale,
           coalesce({_option("autovacuum_analyze_threshold")}, s.analyze_base) AS analyze_base,
           coalesce({_option("autovacuum_analyze_scale_factor")}, s.analyze_scale) AS analyze_scale,
           least({_option("autovacuum_freeze_max_age")}, s.freeze_most) AS freeze_most,
           least({_option("autovacuum_multixact_freeze_max_age")}, s.multi_most) AS multi_most,
           coalesce(bool_and(option_value::bool) FILTER (WHERE option_name = 'autovacuum_enabled'),
                    true) AS enabled
    FROM pg_options_to_table(c.reloptions)
    WHERE option_name ~ '^autovacuum_'
)"""  # noqa: S608  # constants of this module


def _tables(unfrozen: str) -> str:
    """What the ratios come from; `unfrozen` is the part of a table's pages that is not frozen yet."""
    return f"""(
    SELECT *, greatest(xids / freeze_most, mxids / multi_most) AS freeze
    FROM (
        SELECT n.nspname, c.relname, l.enabled, l.freeze_most, l.multi_most,
               greatest(age(c.relfrozenxid), age(t.relfrozenxid)) AS xids,
               greatest(mxid_age(c.relminmxid), mxid_age(t.relminmxid)) AS mxids,
               pg_stat_get_dead_tuples(c.oid)
               / greatest(least(l.vacuum_base + l.vacuum_scale * r.live,
                                CASE WHEN l.vacuum_most >= 0 THEN l.vacuum_most END), 1) AS dead,
               CASE WHEN l.insert_base >= 0
                    THEN pg_stat_get_ins_since_vacuum(c.oid)
                         / greatest(l.insert_base + l.insert_scale * r.live * {unfrozen}, 1) END AS inserted,
               pg_stat_get_mod_since_analyze(c.oid)
               / greatest(l.analyze_base + l.analyze_scale * r.live, 1) AS changed
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN pg_class AS t ON t.oid = c.reltoastrelid
        CROSS JOIN {SETTINGS} AS s
        CROSS JOIN LATERAL {LIMITS} AS l
        CROSS JOIN LATERAL (SELECT greatest(c.reltuples, 0)::float8 AS live) AS r
        WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
          AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
    ) AS each
    WHERE NOT enabled OR greatest(dead, inserted, changed, xids / freeze_most, mxids / multi_most) >= 0.1
    ORDER BY greatest(dead, inserted, changed, xids / freeze_most, mxids / multi_most) DESC, nspname, relname
    LIMIT 100
) AS v"""  # noqa: S608  # constants of this module


NOT_FROZEN = "(CASE WHEN c.relpages > 0 THEN 1 - least(c.relallfrozen::float8 / c.relpages, 1) ELSE 1 END)"

VIEW = View(
    help="Closeness to the thresholds of autovacuum, of the 100 closest tables of each database.",
    source={13: _tables("1"), 18: _tables(NOT_FROZEN)},
    docs="routine-vacuuming.html#AUTOVACUUM",
    scope=Scope.DATABASE,
    cost=Cost.ROWS,
    labels=(
        Label("datname", "(SELECT current_database())", eg="app"),
        Label("schemaname", "v.nspname", eg="public"),
        Label("relname", "v.relname", eg="orders"),
    ),
    metrics=(
        Gauge("pg_autovacuum_vacuum_threshold_ratio", "v.dead",
              "Dead rows in relation to where autovacuum starts; of the 100 closest tables.", eg=0.4),
        Gauge("pg_autovacuum_insert_threshold_ratio", "v.inserted",
              "Inserted rows in relation to where autovacuum starts; absent where that is off.", eg=0.2),
        Gauge("pg_autovacuum_analyze_threshold_ratio", "v.changed",
              "Changed rows in relation to where autovacuum analyzes; of the 100 closest tables.", eg=0.7),
        Gauge("pg_autovacuum_freeze_threshold_ratio", "v.freeze",
              "Unfrozen transactions in relation to where autovacuum is forced.", eg=0.21),
        Gauge("pg_autovacuum_enabled", "v.enabled::int",
              "0 if a storage parameter switches autovacuum off for the table, else 1.", eg=1),
        Gauge("pg_class_unfrozen_xids", "v.xids",
              "Transactions since the oldest not frozen in the table or its TOAST table.", eg=42_000_000),
        Gauge("pg_class_unfrozen_mxids", "v.mxids",
              "Multixacts since the oldest not frozen in the table or its TOAST table.", eg=1_200),
    ),
    every_seconds=60.0,
)  # fmt: skip
