-- The demo's database and its owner, for psql. Runs once, when the volume is new, beside deploy/sql/role.sql.

\set ON_ERROR_STOP on

-- The password goes into no log and no statistics.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET pg_stat_statements.track = 'none';
SET password_encryption = 'scram-sha-256';

\set password `cat /run/secrets/shop_password`
CREATE ROLE shop LOGIN CONNECTION LIMIT 20 PASSWORD :'password';
\unset password
RESET ALL;

CREATE DATABASE shop OWNER shop;
REVOKE CONNECT, TEMPORARY ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO exporter;
