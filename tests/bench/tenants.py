"""A server with many databases that are copies of one, and with many long statements."""

from __future__ import annotations

from tests.servers import Postgres

DATABASES = 500
TABLES_EACH = 22
INDEXES_EACH = 40
STATEMENTS = 5_000
TEXT_BYTES = 5_200

SETTINGS = {
    "max_connections": "600",
    "pg_stat_statements.max": "20000",
    "track_activity_query_size": "8192",
}
CREATE_TABLES = f"""DO $$
BEGIN
    FOR i IN 1..{TABLES_EACH} LOOP
        EXECUTE format('CREATE TABLE table_%s (id int PRIMARY KEY, parent int, note text)', i);
        EXECUTE format('INSERT INTO table_%s VALUES (1, 1, ''a''), (2, 1, ''b''), (3, 2, ''c'')', i);
        IF i <= {INDEXES_EACH - TABLES_EACH} THEN
            EXECUTE format('CREATE INDEX ON table_%s (parent)', i);
        END IF;
    END LOOP;
END $$"""


def fill(server: Postgres) -> None:
    """Makes the databases as copies of one, and the statements."""
    server.execute("CREATE DATABASE tenant")
    server.execute(CREATE_TABLES, dbname="tenant")
    server.execute("ANALYZE", dbname="tenant")
    with server.connect() as connection:
        for n in range(DATABASES - 2):
            connection.execute(f"CREATE DATABASE tenant_{n:03} TEMPLATE tenant STRATEGY FILE_COPY".encode())


def speak(server: Postgres) -> None:
    """Runs statements that differ in their operators, each with a long comment, which is kept."""
    comment = "x" * (TEXT_BYTES - 60)
    with server.connect(dbname="tenant") as connection:
        for n in range(STATEMENTS):
            signs = "".join("+-"[n >> bit & 1] + "1" for bit in range(13))
            connection.execute(f"SELECT 1{signs} /* {comment} */".encode(), prepare=False)
