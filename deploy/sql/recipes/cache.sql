-- A cache in the database: an unlogged table with values that expire.
--
--   psql -d app -f cache.sql
--
-- As often as you like. For results that are dear to compute and needed by several processes, where there is
-- no Redis, or where a value has to be there when the transaction that made it commits.
--
--   SELECT cache.put('report:42', '{"total": 17}', '5 minutes');
--   SELECT cache.get('report:42');         -- NULL: not there, or expired
--   SELECT cache.expire();                 -- removes up to 1000 that have expired, returns how many
--   GRANT cache_user TO web;               -- who may use it
--
-- Unlogged: a write costs no WAL, and no standby has the rows. After a crash, or a stop with `immediate`, the
-- table is empty; after a clean stop and start it is as it was. Backups have it empty. So: nothing in it that
-- can't be computed again.
--
-- cache.expire() is called by whoever has the time, every minute from pg_cron or a timer, as often as it
-- returns 1000. Several at a time take different rows: none waits for another, nor for a writer. For millions
-- of entries an hour partitions are better: one for each hour of expiry, and DROP TABLE instead of DELETE.
--
-- cache.yml beside this file has the query for the exporter. It has the right to run it once role.sql has run.
--
-- Variables, each with `-v NAME=VALUE`:
--   role  the exporter's; exporter

\set ON_ERROR_STOP on
\if :{?role} \else \set role exporter \endif
SET client_min_messages = warning;

CREATE SCHEMA IF NOT EXISTS cache;

-- Rows come and go: autovacuum looks at it early, and updates find room on their page.
CREATE UNLOGGED TABLE IF NOT EXISTS cache.entries (
    key text PRIMARY KEY,
    value jsonb NOT NULL,
    expires timestamptz NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX IF NOT EXISTS entries_expires ON cache.entries (expires);

-- What has expired is not seen, whether it was removed already or not.
CREATE OR REPLACE FUNCTION cache.get(wanted text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT value FROM cache.entries WHERE key = wanted AND expires > clock_timestamp()
$function$;

CREATE OR REPLACE FUNCTION cache.put(name text, content jsonb, lifetime interval) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $function$
    INSERT INTO cache.entries (key, value, expires) VALUES (name, content, clock_timestamp() + lifetime)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires
$function$;

CREATE OR REPLACE FUNCTION cache.expire(at_most integer DEFAULT 1000) RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $function$
    WITH gone AS (
        DELETE FROM cache.entries
        WHERE key IN (
            SELECT key FROM cache.entries
            WHERE expires <= clock_timestamp()
            ORDER BY expires
            LIMIT at_most
            FOR UPDATE SKIP LOCKED
        )
        RETURNING 1
    )
    SELECT count(*) FROM gone
$function$;

SELECT 'CREATE ROLE cache_user NOLOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cache_user') \gexec
GRANT USAGE ON SCHEMA cache TO cache_user;
GRANT SELECT, INSERT, UPDATE, DELETE ON cache.entries TO cache_user;

SELECT format('GRANT %s TO %I', what, rolname)
FROM pg_roles
CROSS JOIN (VALUES (1, 'USAGE ON SCHEMA cache'), (2, 'SELECT (expires) ON cache.entries')) AS g (position, what)
WHERE rolname = :'role'
ORDER BY position \gexec
RESET ALL;
