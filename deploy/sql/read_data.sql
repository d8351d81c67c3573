-- Lets the exporter's role read all tables and sequences. Optional, after role.sql, for psql as a superuser:
--
--   psql -d app -f read_data.sql
--
-- From PostgreSQL 14 on once for the cluster; on 13, and for sequences alone, in each database: for what is in
-- it now, and for what the owners of that make later. As often as you like.
--
-- Without it these collectors leave out what the role may not read, and `analyze` gets no plans of queries:
-- generated: readers
-- index_bloat, sequences, table_bloat; off by default: query_plans
-- end
--
-- It can read the rows then, of everybody: bloat is estimated from pg_stats, which has values of columns in
-- it and shows them to those only who may read the column.
--
-- Variables, each with `-v NAME=VALUE`:
--   role  its name; exporter
--   only  sequences: nothing but those, which have no data in them; for the collector `sequences`

\set ON_ERROR_STOP on
\if :{?role} \else \set role exporter \endif
\if :{?only} \else \set only all \endif
SET client_min_messages = warning;

SELECT :'only' = 'all' AND current_setting('server_version_num')::int >= 140000 AS by_role \gset
\if :by_role
    GRANT pg_read_all_data TO :"role";
\else
    SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, :'role')
    FROM pg_namespace
    WHERE :'only' = 'all' AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\_%' \gexec

    SELECT format('GRANT SELECT ON ALL %s IN SCHEMA %I TO %I', kind, nspname, :'role')
    FROM pg_namespace
    CROSS JOIN (VALUES ('SEQUENCES'), ('TABLES')) AS k (kind)
    WHERE (:'only' = 'all' OR kind = 'SEQUENCES')
      AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\_%' \gexec

    SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %s GRANT SELECT ON %s TO %I', o.owner, kind, :'role')
    FROM (SELECT DISTINCT relowner::regrole AS owner FROM pg_class
          WHERE relkind IN ('r', 'p', 'm', 'S') AND relnamespace <> 'pg_catalog'::regnamespace) AS o
    CROSS JOIN (VALUES ('SEQUENCES'), ('TABLES')) AS k (kind)
    WHERE :'only' = 'all' OR kind = 'SEQUENCES' \gexec
\endif
RESET ALL;
