"""How much of their range sequences have used, from pg_sequence and pg_sequence_last_value.

The end of a sequence is its own, or the largest value of the column that owns it where that comes first: a
bigint sequence below an integer column. Sequences that cycle have no end, those that were never used no
value. Reading a value opens the sequence, so one that is being altered just now is left out, and so is one
that the role may not read. A bound: in each database the 50 that are closest to their end.
"""

from exporter.model.collector import Cost
from exporter.model.view import Gauge, Label, Scope, View

# The column that owns a sequence: 'a' for serial and OWNED BY, 'i' for identity.
SEQUENCES = """(
    SELECT n.nspname, c.relname,
           CASE WHEN s.seqincrement > 0 THEN (v.last - s.seqmin + 1) / (e.most - s.seqmin + 1)
                ELSE (s.seqmax - v.last + 1) / (s.seqmax::float8 - s.seqmin + 1) END AS used
    FROM pg_sequence AS s
    JOIN pg_class AS c ON c.oid = s.seqrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
        SELECT least(s.seqmax::float8, min(CASE a.atttypid WHEN 21 THEN 32767.0
                                           WHEN 23 THEN 2147483647.0 END)) AS most
        FROM pg_depend AS d
        JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 1259 AND d.objid = s.seqrelid AND d.objsubid = 0
          AND d.refclassid = 1259 AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    ) AS e
    CROSS JOIN LATERAL (
        SELECT CASE WHEN has_sequence_privilege(s.seqrelid, 'USAGE,SELECT')
                     AND s.seqrelid <> ALL (ARRAY(
                         SELECT relation FROM pg_locks
                         WHERE relation IS NOT NULL
                           AND mode IN ('ShareLock', 'ShareRowExclusiveLock',
                                        'ExclusiveLock', 'AccessExclusiveLock')))
                    THEN pg_sequence_last_value(s.seqrelid)::float8 END AS last
    ) AS v
    WHERE NOT s.seqcycle AND c.relpersistence <> 't'
      AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())
      AND v.last IS NOT NULL
    ORDER BY used DESC, n.nspname, c.relname
    LIMIT 50
) AS s"""

VIEW = View(
    help="Used part of the 50 sequences of each database that are closest to their end.",
    source=SEQUENCES,
    docs="catalog-pg-sequence.html",
    scope=Scope.DATABASE,
    cost=Cost.ROWS,
    labels=(
        Label("datname", "(SELECT current_database())", eg="app"),
        Label("schemaname", "s.nspname", eg="public"),
        Label("sequencename", "s.relname", eg="orders_id_seq"),
    ),
    metrics=(
        Gauge("pg_sequence_used_ratio", "s.used",
              "Used part of the sequence's range, or its column's; of the 50 closest to their end.", eg=0.42),
    ),
    needs=("pg_read_all_data",),
    every_seconds=600.0,
)  # fmt: skip
