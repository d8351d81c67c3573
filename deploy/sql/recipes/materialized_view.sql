-- Materialized views that are refreshed while they are read, by one at a time, and that say how old they are.
--
--   psql -d app -f materialized_view.sql
--
-- As the owner of the views, or a superuser; as often as you like. Then, once for each view:
--
--   CREATE MATERIALIZED VIEW shop.sales_by_day AS
--       SELECT created::date AS day, count(*) AS orders, sum(total) AS total FROM shop.orders GROUP BY 1;
--   CREATE UNIQUE INDEX ON shop.sales_by_day (day);  -- without conditions: CONCURRENTLY compares by it
--
-- and from then on, as the view's owner:
--
--   SELECT upkeep.refresh('shop.sales_by_day');
--
-- It returns how many seconds that took; NULL if another session is at it, for which nobody waits.
-- What calls it every ten minutes, one of these:
--
--   SELECT cron.schedule('sales_by_day', '*/10 * * * *', $$SELECT upkeep.refresh('shop.sales_by_day')$$);
--
--   systemd-run --unit=sales-by-day --on-calendar='*:0/10' --uid=postgres \
--       psql -d app -c "SELECT upkeep.refresh('shop.sales_by_day')"
--
-- The first is pg_cron, the second a timer until the next start of the machine (as files: a unit with
-- Type=oneshot, and a timer with OnCalendar=*:0/10).
--
-- What fails keeps the rows of before, and the view grows old: materialized_view.yml beside this file has the
-- query for the exporter, with the metrics to alert on. It has the right to read them once role.sql has run.
--
-- Costs: CONCURRENTLY writes only rows that changed, but runs the whole query, sorts old and new and compares
-- them; where most rows change each time, REFRESH without it is cheaper, and locks readers out. Rows that
-- changed leave dead ones for autovacuum.
--
-- Variables, each with `-v NAME=VALUE`:
--   role  the exporter's; exporter

\set ON_ERROR_STOP on
\if :{?role} \else \set role exporter \endif
SET client_min_messages = warning;

CREATE SCHEMA IF NOT EXISTS upkeep;

CREATE TABLE IF NOT EXISTS upkeep.refreshed (
    view oid PRIMARY KEY,
    schemaname text NOT NULL,
    matviewname text NOT NULL,
    data_from timestamptz NOT NULL,
    seconds double precision NOT NULL,
    refreshes bigint NOT NULL
);
COMMENT ON TABLE upkeep.refreshed IS 'When materialized views were refreshed last, by upkeep.refresh.';
COMMENT ON COLUMN upkeep.refreshed.data_from IS 'What was committed then is in the view.';

CREATE OR REPLACE FUNCTION upkeep.refresh(view regclass) RETURNS double precision
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    began timestamptz := clock_timestamp();
    took double precision;
    populated boolean;
    namespace text;
    name text;
BEGIN
    SELECT c.relispopulated, n.nspname, c.relname INTO populated, namespace, name
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = view AND c.relkind = 'm';
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is no materialized view', view USING ERRCODE = 'wrong_object_type';
    END IF;
    -- REFRESH would wait for the other one, and then do the same work again.
    IF NOT pg_try_advisory_xact_lock('pg_class'::regclass::oid::int, view::oid::bigint::bit(32)::int) THEN
        RETURN NULL;
    END IF;
    -- The first one fills the view: there is nothing to compare with.
    EXECUTE format('REFRESH MATERIALIZED VIEW %s %s', CASE WHEN populated THEN 'CONCURRENTLY' END, view);
    took := extract(epoch FROM clock_timestamp() - began);
    INSERT INTO upkeep.refreshed AS r VALUES (view, namespace, name, began, took, 1)
    ON CONFLICT ON CONSTRAINT refreshed_pkey DO UPDATE
        SET (schemaname, matviewname, data_from, seconds, refreshes)
            = (namespace, name, began, took, r.refreshes + 1);
    -- Those that were dropped, so that nobody is called for a view that is gone.
    DELETE FROM upkeep.refreshed AS r
    WHERE NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = r.view AND c.relkind = 'm');
    RETURN took;
END
$function$;
REVOKE ALL ON FUNCTION upkeep.refresh(regclass) FROM PUBLIC;

SELECT format('GRANT %s TO %I', what, rolname)
FROM pg_roles
CROSS JOIN (VALUES (1, 'USAGE ON SCHEMA upkeep'), (2, 'SELECT ON upkeep.refreshed')) AS g (position, what)
WHERE rolname = :'role'
ORDER BY position \gexec
RESET ALL;
