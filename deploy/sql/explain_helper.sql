-- Lets the exporter ask for plans of statements on tables that its role has no rights on.
--
-- Optional, and needed for INSERT, UPDATE, DELETE and SELECT ... FOR UPDATE only: pg_read_all_data (from
-- PostgreSQL 14 on) is enough for SELECT. Planning checks the rights of who plans, and nobody wants to give
-- an exporter the right to write. So there is a function that belongs to a role which has these rights, can't
-- log in, and is used for nothing else.
--
-- Run it in each database, as a superuser, as often as you like, after you have replaced
--   exporter   by the exporter's role,
--   app        by the schema with the tables; repeat those lines for each schema.
--
-- What the function can do: it takes the name of a statement that the calling session has prepared, and shows
-- the plan. It never takes a text, forms no statement but that one EXPLAIN (without ANALYZE, which would
-- execute), and refuses to work outside a READ ONLY transaction. The caller gets no right to a table.
-- What remains: planning runs the IMMUTABLE functions of a statement, with the rights of the owner of this
-- function. Leave it out where people may create functions who must not read these tables.
-- The exporter uses it only while its owner is no superuser and can't become one. drop_role.sql takes it away.

SET client_min_messages = warning;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'datastack_exporter_plan') THEN
        CREATE ROLE datastack_exporter_plan NOLOGIN;
    END IF;
END
$$;
ALTER ROLE datastack_exporter_plan NOLOGIN;

GRANT USAGE ON SCHEMA app TO datastack_exporter_plan;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO datastack_exporter_plan;
ALTER DEFAULT PRIVILEGES IN SCHEMA app
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO datastack_exporter_plan;  -- of who runs this
GRANT USAGE ON SCHEMA app TO exporter;  -- names are looked up with the exporter's rights

CREATE SCHEMA IF NOT EXISTS datastack_exporter;
ALTER SCHEMA datastack_exporter OWNER TO CURRENT_USER;  -- whoever made it could put another function there
REVOKE ALL ON SCHEMA datastack_exporter FROM PUBLIC;
GRANT USAGE ON SCHEMA datastack_exporter TO exporter;

CREATE OR REPLACE FUNCTION datastack_exporter.explain_prepared(prepared_name text, path text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_partition_pruning = off
AS $function$
DECLARE
    command text;
    plan json;
BEGIN
    IF current_setting('transaction_read_only') <> 'on' THEN
        RAISE EXCEPTION 'explain_prepared works in a READ ONLY transaction only'
            USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    SELECT format('EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE %I', p.name)
           || CASE cardinality(p.parameter_types) WHEN 0 THEN ''
              ELSE '(NULL' || repeat(', NULL', cardinality(p.parameter_types) - 1) || ')' END
    INTO command
    FROM pg_prepared_statements AS p
    WHERE p.name = prepared_name AND p.from_sql;
    IF command IS NULL THEN
        RAISE EXCEPTION 'this session has no such statement of PREPARE'
            USING ERRCODE = 'invalid_sql_statement_name';
    END IF;
    -- From here on nothing is looked up by name but the statement's own objects.
    PERFORM set_config('search_path', path, true);
    EXECUTE command INTO plan;
    RETURN plan;
END
$function$;

REVOKE ALL ON FUNCTION datastack_exporter.explain_prepared(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION datastack_exporter.explain_prepared(text, text) TO exporter;

-- The owner-to-be has to have CREATE on the schema while the function is given to it.
GRANT CREATE, USAGE ON SCHEMA datastack_exporter TO datastack_exporter_plan;
ALTER FUNCTION datastack_exporter.explain_prepared(text, text) OWNER TO datastack_exporter_plan;
REVOKE CREATE ON SCHEMA datastack_exporter FROM datastack_exporter_plan;
RESET client_min_messages;
