-- Statistics of queries: the extension pg_stat_statements. For psql, as a superuser, in the database that
-- postgres.dsn names (it shows the queries of all databases), as often as you like:
--
--   psql -d postgres -f pg_stat_statements.sql
--
-- The library has to be loaded at the server's start. In postgresql.conf, in a service's parameters, or each
-- as `-c name=value` on the server's command line:
--
--   shared_preload_libraries = 'pg_stat_statements'  # behind a comma where there is something already
--   pg_stat_statements.max = 10000            # entries; of an application whose queries are texts put together
--                                             # more. Some 3 kB of memory for each, and a restart
--   pg_stat_statements.track = top            # `all` counts what functions run too, each inside its caller
--   pg_stat_statements.track_utility = off    # or else passwords of ALTER ROLE are among the texts
--   pg_stat_statements.track_planning = off   # `on` costs throughput where many sessions run the same queries
--   pg_stat_statements.save = on              # over a restart
--   compute_query_id = auto                   # from PostgreSQL 14 on; `off` switches the statistics off
--   track_io_timing = on                      # time of reads and writes; what it costs: pg_test_timing
--   track_activity_query_size = 4096          # how much of a running query is shown; a restart
--
-- Variables, each with `-v NAME=VALUE`:
--   configure  on: these settings by ALTER SYSTEM, without those that the server is started with; off. What
--              has its default then is set, what you have chosen stays. Restart, and run it once more: the
--              settings of the library can be set once it is loaded.

\set ON_ERROR_STOP on
\if :{?configure} \else \set configure off \endif
SET client_min_messages = warning;

SELECT current_setting('pg_stat_statements.max', true) IS NOT NULL AS loaded \gset

\if :configure
    -- Each library is a text of its own here: one text for all would be the name of one library.
    SELECT 'ALTER SYSTEM SET shared_preload_libraries = '
           || coalesce(string_agg(quote_literal(trim(both ' "' FROM library)), ', ' ORDER BY position) || ', ', '')
           || '''pg_stat_statements'''
    FROM regexp_split_to_table(current_setting('shared_preload_libraries'), ',')
         WITH ORDINALITY AS l (library, position)
    WHERE library <> ''
    HAVING NOT EXISTS (SELECT FROM pg_settings WHERE name = 'shared_preload_libraries'
                       AND (setting ~ '\mpg_stat_statements\M' OR source = 'command line'))
       AND NOT EXISTS (SELECT FROM pg_file_settings WHERE name = 'shared_preload_libraries'
                       AND setting ~ '\mpg_stat_statements\M') \gexec

    SELECT format('ALTER SYSTEM SET %s = %L', w.name, w.value)
    FROM (VALUES ('pg_stat_statements.max', '10000'),
                 ('pg_stat_statements.track_utility', 'off'),
                 ('track_io_timing', 'on'),
                 ('track_activity_query_size', '4096')) AS w (name, value)
    JOIN pg_settings AS s USING (name)
    WHERE s.source = 'default' AND s.setting <> w.value
      AND NOT EXISTS (SELECT FROM pg_file_settings AS f WHERE f.name = w.name) \gexec
    SELECT pg_reload_conf() AS reloaded \gset
\endif

CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
-- After an upgrade of the server it is still the one of before, without the newer columns.
ALTER EXTENSION pg_stat_statements UPDATE;

\if :loaded
\else
    \warn 'pg_stat_statements.sql: restart the server with the library in shared_preload_libraries: nothing is counted until then'
\endif
RESET ALL;
