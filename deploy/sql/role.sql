-- The role that the exporter logs in as: it can read statistics, and no data. For psql, as a superuser:
--
--   psql -d postgres -f role.sql
--
-- Run it in the database that postgres.dsn names, as often as you like: what is there already stays.
-- In a container of PostgreSQL it can lie in /docker-entrypoint-initdb.d.
--
-- Variables, each with `-v NAME=VALUE`:
--   role           its name; exporter
--   password_file  a file with its password, or with a verifier of it (SCRAM-SHA-256$...), as the user that
--                  runs psql can read it; /run/secrets/postgres_password. If there is none, the password stays
--                  as it is: \password exporter, in psql, sets one.
--   connections    how many it may have; 6
--   least          on: instead of pg_monitor only what the collectors need, right by right, as below; off
--   timeouts       on: limits for whoever else logs in as this role; off. The exporter sets stricter ones in
--                  each session. With limits of the role, pg_settings_statement_timeout_seconds and its kind
--                  show them instead of the server's, and `analyze` can't say that the server has none.
--
-- Who is no superuser, as on managed services: docs/sql.md.

\set ON_ERROR_STOP on
\if :{?role} \else \set role exporter \endif
\if :{?password_file} \else \set password_file /run/secrets/postgres_password \endif
\if :{?least} \else \set least off \endif
\if :{?timeouts} \else \set timeouts off \endif
-- Twice postgres.max_connections: `check`, `analyze` or the next exporter run beside the one that ends.
-- generated: connections
\if :{?connections} \else \set connections 6 \endif
-- end

SET client_min_messages = warning;
SELECT rolsuper AS by_superuser FROM pg_roles WHERE rolname = current_user \gset

-- It would lose its own rights, and the exporter must not have them.
SELECT count(*) > 0 AS is_superuser FROM pg_roles WHERE rolname = :'role' AND rolsuper \gset
\if :is_superuser
    DO $$ BEGIN RAISE EXCEPTION 'the role is a superuser: choose another name, with -v role=NAME'; END $$;
\endif

SELECT format('CREATE ROLE %I', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec

ALTER ROLE :"role" LOGIN INHERIT CONNECTION LIMIT :connections;
SELECT format('ALTER ROLE %I NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', rolname)
FROM pg_roles
WHERE rolname = :'role' AND (rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls) \gexec

SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'role')
WHERE NOT has_database_privilege(:'role', current_database(), 'CONNECT') \gexec

\if :timeouts
    ALTER ROLE :"role" SET default_transaction_read_only = on;
    ALTER ROLE :"role" SET statement_timeout = '60s';
    ALTER ROLE :"role" SET lock_timeout = '2s';
    ALTER ROLE :"role" SET idle_in_transaction_session_timeout = '60s';
\endif

\if :by_superuser
    -- The exporter's own queries take no places of others.
    ALTER ROLE :"role" SET pg_stat_statements.track = 'none';
\else
    \warn 'role.sql: not a superuser: pg_stat_statements counts the queries of the exporter too'
\endif

-- The rights.
\if :least
    SELECT format('REVOKE pg_monitor FROM %I', :'role')
    WHERE pg_has_role(:'role', 'pg_monitor', 'MEMBER') \gexec
-- generated: rights
    -- server_facts
    GRANT pg_read_all_settings TO :"role";

    -- activity, database_size, recovery, slow_queries, slow_statements, stat_activity, stat_progress,
    -- stat_progress_vacuum, stat_replication, stat_statements_totals, statements_by_table, tls, wait_events,
    -- xmin_horizon, postgres_pools; off by default: long_running_transactions, process_idle, query_plans,
    -- stat_activity_autovacuum, stat_statements, stat_wal_receiver, statement_anomalies
    GRANT pg_read_all_stats TO :"role";

    -- off by default: buffercache_summary
    SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, :'role')
    FROM pg_proc AS p
    JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
    JOIN pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
    WHERE e.extname = 'pg_buffercache' AND p.proname = 'pg_buffercache_summary' \gexec

    -- server_files
    GRANT EXECUTE ON FUNCTION pg_ls_archive_statusdir() TO :"role";

    -- server_files
    GRANT EXECUTE ON FUNCTION pg_ls_tmpdir() TO :"role";

    -- wal
    GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO :"role";
-- end
\else
    GRANT pg_monitor TO :"role";
\endif

-- The password. It is in the text of the statement, so that text must be nowhere.
\set has_password `test -s :'password_file' && echo on || echo off`
\if :has_password
    \if :by_superuser
        \set echo_before :ECHO
        \set ECHO none
        SET log_statement = 'none';
        SET log_min_duration_statement = -1;
        SET log_min_duration_sample = -1;
        SET log_transaction_sample_rate = 0;
        SET log_min_error_statement = 'panic';
        SET debug_print_parse = off;
        SET debug_print_rewritten = off;
        SET debug_print_plan = off;
        SET pg_stat_statements.track = 'none';
        SET pgaudit.log = 'none';
        SET password_encryption = 'scram-sha-256';
        \set password `cat :'password_file'`
        ALTER ROLE :"role" PASSWORD :'password';
        \unset password
        \set ECHO :echo_before
    \else
        \warn 'role.sql: not a superuser: the password would be in the log; set it with \\password'
    \endif
\endif
RESET ALL;
