-- An index that answers a query by itself: an index-only scan reads no row of the table.
--
-- For a query that runs often, finds by a few columns and shows a few more:
--
--   SELECT created, total FROM shop.orders WHERE customer = 42 AND created >= '2026-01-01'
--
--   psql -d app -v table=shop.orders -v columns='customer, created' -v include=total -f covering_index.sql
--
-- What the query compares or sorts by goes into `columns`, equality first; what it only shows into `include`:
-- that is in the leaves alone, and takes part in no comparison. Every column of the query has to be in one of
-- the two, or else each row is fetched from the table after all.
--
-- Worth it where the table is read more than it is written: an UPDATE of any of these columns writes all
-- indexes of the table (no HOT update). And where VACUUM keeps up: rows of pages that are not marked
-- all-visible are looked at in the table. EXPLAIN (ANALYZE) shows them as "Heap Fetches".
-- `analyze` names queries that want such an index.
--
-- Variables, each with `-v NAME=VALUE`:
--   table    schema.table
--   columns  the key, as CREATE INDEX has it: `customer, created DESC`, lower(mail)
--   include  columns that are shown only; without any it is an ordinary index
--   where    a condition, as in `-v where="state = 'open'"`: only such rows are in the index, and only queries
--            that have the condition too use it
--   method   btree; brin, without `include`, for columns by which rows lie in order on disk, such as the time of
--            events that are only added: a thousandth of the size, and good for ranges only
--   index    its name; made of the table's and of a hash of the above
--
-- As often as you like: an index that is there stays; one that a failed attempt left behind is made anew.
-- CONCURRENTLY: nobody waits to write meanwhile. It waits itself until the transactions of now have ended.

\set ON_ERROR_STOP on
\if :{?include} \else \set include '' \endif
\if :{?where} \else \set where '' \endif
\if :{?method} \else \set method btree \endif
\if :{?index} \else \set index '' \endif
SET client_min_messages = warning;

SELECT coalesce(nullif(:'index', ''),
                left(c.relname, 40) || '_' || left(md5(concat_ws('/', :'method', :'columns', :'include', :'where')), 8)
       ) AS index, c.oid::regclass AS table, n.nspname AS schema
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = :'table'::regclass \gset

SELECT format('DROP INDEX CONCURRENTLY %I.%I', :'schema', :'index')
FROM pg_index
WHERE indexrelid = to_regclass(format('%I.%I', :'schema', :'index'))
  AND indrelid = :'table'::regclass AND NOT indisvalid
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE index_relid = indexrelid) \gexec

SELECT format('CREATE INDEX CONCURRENTLY IF NOT EXISTS %I ON %s USING %I (%s)%s%s',
              :'index', :'table', :'method', :'columns',
              ' INCLUDE (' || nullif(:'include', '') || ')', ' WHERE ' || nullif(:'where', '')) \gexec

-- Marks pages as all-visible, and counts what the planner has to know.
VACUUM (ANALYZE) :table;

SELECT indexrelid::regclass AS index, pg_size_pretty(pg_relation_size(indexrelid)) AS size,
       pg_get_indexdef(indexrelid) AS definition
FROM pg_index
WHERE indexrelid = to_regclass(format('%I.%I', :'schema', :'index'));
RESET ALL;
