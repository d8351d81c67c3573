-- Takes away what the files of this folder gave, and in the end the role itself. For psql, as a superuser, in
-- each database in which one of them ran, as often as you like:
--
--   psql -d app -f drop_role.sql
--   psql -d postgres -f drop_role.sql
--
-- The role is dropped once it has no rights in any other database; until then those databases are named.
-- Metrics stop with the first run.
--
-- Variables, each with `-v NAME=VALUE`:
--   role  its name; exporter

\set ON_ERROR_STOP on
\if :{?role} \else \set role exporter \endif
SET client_min_messages = warning;

SELECT count(*) > 0 AS is_superuser FROM pg_roles WHERE rolname = :'role' AND rolsuper \gset
\if :is_superuser
    DO $$ BEGIN RAISE EXCEPTION 'the role is a superuser: it was not made by role.sql'; END $$;
\endif

-- The helper for EXPLAIN.
DROP FUNCTION IF EXISTS datastack_exporter.explain_prepared(text, text);
DROP SCHEMA IF EXISTS datastack_exporter;

SELECT format('ALTER ROLE %I NOLOGIN', rolname) FROM pg_roles WHERE rolname = :'role' \gexec
SELECT count(pg_terminate_backend(pid)) AS ended FROM pg_stat_activity WHERE usename = :'role' \gset

SELECT format('DROP OWNED BY %I', rolname)
FROM pg_roles WHERE rolname IN (:'role', 'datastack_exporter_plan') \gexec

SELECT count(*) > 0 AS has_more, string_agg(DISTINCT quote_ident(d.datname), ', ') AS databases
FROM pg_shdepend AS s
JOIN pg_roles AS r ON s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
JOIN pg_database AS d ON d.oid = s.dbid
WHERE r.rolname IN (:'role', 'datastack_exporter_plan') \gset
\if :has_more
    \warn 'drop_role.sql: run it in these databases as well:' :databases
\else
    SELECT format('DROP ROLE %I', rolname)
    FROM pg_roles WHERE rolname IN (:'role', 'datastack_exporter_plan') \gexec
\endif
RESET ALL;
