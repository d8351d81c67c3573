"""Fills the carrier's database: the same rows always, and the neglect that some tables have behind them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql as words

from tests.live.analysis.defects.indexes import INDEXES
from tests.live.analysis.defects.schema import (
    APPLICATION,
    DATABASE,
    FINISH,
    INVALID,
    TABLES,
    UNSEEN,
    WATCHER,
)
from tests.servers import Postgres

HELPER = Path(__file__).parents[4] / "deploy" / "sql" / "explain_helper.sql"

Session = psycopg.Connection[tuple[Any, ...]]

# Foreign keys need not be checked row by row: the rows are right.
ROWS = """
SET search_path = carrier;
SET LOCAL session_replication_role = replica;
INSERT INTO depots SELECT i, 'D' || i, 'depot ' || i, 'region ' || i % 12 FROM generate_series(1, 300) i;
INSERT INTO vehicles SELECT i, 'P-' || i, 1 + i % 300, i % 9 FROM generate_series(1, 3000) i;
INSERT INTO couriers SELECT i, 1 + i % 300, 1 + (i * 7919::bigint) % 3000, md5(i::text), '+49' || i, i / 2
    FROM generate_series(1, 12000) i;
INSERT INTO logins SELECT md5(i::text), i FROM generate_series(1, 2000) i;
INSERT INTO routes SELECT i, '2025-03-01'::date + i % 60, i / 60, CASE WHEN i % 5 <> 0 THEN 1 + i % 12000 END
    FROM generate_series(1, 6000) i;
INSERT INTO senders SELECT i, 'Sender' || i || '@example.org', md5(i::text), 'country ' || i % 30,
        'VAT' || i * 3, '2020-01-01'::date + i % 2000
    FROM generate_series(1, 20600) i;
INSERT INTO parcels SELECT i, 'T' || md5(i::text), 1 + (i * 104729::bigint) % 20000,
        1 + (i * 7919::bigint) % 300,
        CASE WHEN i % 400 = 0 THEN 'lost' WHEN i % 50 = 0 THEN 'moving' ELSE 'delivered' END,
        to_char((i * 15485863::bigint) % 7000, 'FM00000'), (i * 31::bigint) % 120,
        ((i * 17::bigint) % 50000) / 100.0,
        '2025-01-01'::timestamptz + (i * 104729::bigint) % 10000000 * interval '1 second',
        CASE WHEN i % 50 <> 0 THEN '2025-05-01'::timestamptz END, md5((i * 3)::text),
        md5((i * 11)::text) || 'note'
    FROM generate_series(1, 60000) i;
INSERT INTO stops SELECT i, 1 + i % 6000, i / 6000, 1 + (i * 7919::bigint) % 60000, i % 2 = 0
    FROM generate_series(1, 24000) i;
INSERT INTO scans SELECT 1 + (i * 7919::bigint) % 60000, (i * 15485863::bigint) % 4000, 'k' || i % 6,
        '2025-01-01'::timestamptz + (i * 104729::bigint) % 12000000 * interval '1 second'
    FROM generate_series(1, 60000) i;
INSERT INTO shelves SELECT i, (i * 7919::bigint) % 40, (i * 104729::bigint / 40) % 50, md5(i::text), i % 10
    FROM generate_series(1, 20000) i;
INSERT INTO shifts SELECT i, (i * 7919::bigint) % 60,
        '2025-01-01'::timestamptz + (i * 104729::bigint) % 10000000 * interval '1 second', i % 9, md5(i::text)
    FROM generate_series(1, 24000) i;
INSERT INTO leave SELECT i, 1 + (i * 7919::bigint) % 12000, '2025-01-01'::date + i % 300, repeat('r', 30)
    FROM generate_series(1, 18000) i;
INSERT INTO invoices SELECT i, 1 + (i * 104729::bigint) % 20000, 'N' || i, md5(i::text),
        '2025-01-01'::date + i % 365,
        '2025-02-01'::date + ((i * 7919::bigint) % 365)::int, i % 120 <> 0, i % 977
    FROM generate_series(1, 30000) i;
INSERT INTO payments SELECT i, (i * 104729::bigint) % 9000,
        '2025-01-01'::timestamp + (i * 7919::bigint) % 31000000 * interval '1 second', i % 500
    FROM generate_series(1, 20000) i;
INSERT INTO claims SELECT i, 'T' || md5((i * 2)::text), 'R' || (i * 7919::bigint) % 25000,
        1 + (i * 31::bigint) % 12000,
        CASE WHEN i % 60 = 0 THEN 'open' ELSE 'closed' END, '2025-01-01'::date + i % 300,
        CASE WHEN i % 200 <> 0 THEN '2025-05-01'::timestamptz END, i % 300
    FROM generate_series(1, 20000) i;
INSERT INTO addresses SELECT i, 'city ' || md5((i % 3000)::text), md5(i::text) || ' street',
    (i * 7919::bigint) % 6000, i % 3 <> 0
    FROM generate_series(1, 20000) i;
INSERT INTO tickets SELECT i, md5(i::text) || ' ' || md5((i * 7)::text),
        (ARRAY['new', 'open', 'held', 'done'])[1 + i % 4],
        '2025-01-01'::timestamptz + (i * 104729::bigint) % 10000000 * interval '1 second',
        ARRAY['t' || i % 3000, 'u' || i % 4000], ARRAY['l' || i % 2500],
        jsonb_build_object('order', (i * 7919::bigint) % 9000, 'channel', 'c' || i % 4000)
    FROM generate_series(1, 16000) i;
INSERT INTO grants SELECT i, i % 900,
        '2025-01-01'::timestamptz + (i * 104729::bigint) % 10000000 * interval '1 second'
    FROM generate_series(1, 20000) i;
INSERT INTO readings SELECT i, (i * 7919::bigint) % 400, i % 1000 FROM generate_series(1, 120000) i;
INSERT INTO loads SELECT (i * 7919::bigint) % 5000, '2025-01-01'::date + i % 7, i % 90
    FROM generate_series(1, 20000) i;
INSERT INTO legs SELECT 1 + i % 6000, i / 6000, i % 90 FROM generate_series(1, 17000) i;
INSERT INTO lanes SELECT 1 + i / 10, i % 10, 'lane' FROM generate_series(0, 999) i;
INSERT INTO crates SELECT i, i % 10, 1 + i % 100, 1 + i % 20000 FROM generate_series(1, 3000) i;
INSERT INTO bookings SELECT i % 20, int4range(i * 10, i * 10 + 9) FROM generate_series(1, 1000) i;
INSERT INTO ledger SELECT i, i % 90, i FROM generate_series(1, 3000) i;
INSERT INTO codes SELECT i % 1000, md5(i::text), i, i % 10 <> 0 FROM generate_series(1, 3000) i;
INSERT INTO profiles (id, field_0, field_7) SELECT i, md5(i::text), repeat('p', 60)
    FROM generate_series(1, 2000) i;
INSERT INTO jobs SELECT i, 0, 'job' FROM generate_series(1, 400) i;
INSERT INTO presence SELECT i, 'gate' FROM generate_series(1, 500) i;
INSERT INTO positions SELECT i, i, i FROM generate_series(1, 30000) i;
INSERT INTO trips SELECT i, i % 90 FROM generate_series(1, 12000) i;
"""

# Where nothing else is: what the trigger and the volatile function are called for.
FEW = """
SET search_path = carrier;
SET LOCAL session_replication_role = replica;
INSERT INTO depots VALUES (5, 'D5', 'depot 5', 'region 5');
INSERT INTO senders VALUES (7, 'Sender7@example.org', 'x', 'country 7', 'VAT21', '2020-01-08');
"""

BLOATED = """
SET search_path = carrier;
INSERT INTO messages SELECT i, repeat(md5(i::text), 25) FROM generate_series(1, 100000) i;
"""

# After the statistics began: what VACUUM and ANALYZE have not seen.
NEGLECTED = """
SET search_path = carrier;
UPDATE positions SET x = x + 1 WHERE id <= 25000;
INSERT INTO imports SELECT i, md5(i::text) FROM generate_series(1, 15000) i;
"""

ROLES = f"""
SET password_encryption = 'scram-sha-256';
CREATE ROLE {APPLICATION} LOGIN PASSWORD 'secret';
ALTER ROLE {APPLICATION} SET search_path = carrier, public;
CREATE ROLE {WATCHER} LOGIN PASSWORD 'secret';
GRANT pg_monitor TO {WATCHER};
"""
RIGHTS = f"""
GRANT USAGE ON SCHEMA carrier TO {APPLICATION};
GRANT ALL ON ALL TABLES IN SCHEMA carrier TO {APPLICATION};
"""
READS = f"GRANT pg_read_all_data TO {WATCHER}"
READS_13 = (
    f"GRANT USAGE ON SCHEMA carrier TO {WATCHER}; GRANT SELECT ON ALL TABLES IN SCHEMA carrier TO {WATCHER}"
)


def fill(server: Postgres, *, rows: bool = True, bloated: bool = True) -> None:
    """Makes the database on a server that is the test's own, as it is before anybody works with it.

    Args:
        server: with pg_stat_statements.
        rows: with the rows of the tables, and what these have behind them; else with hardly any.
        bloated: with the table that is bloated, 100 MB of it.
    """
    server.execute(f"CREATE EXTENSION IF NOT EXISTS pg_stat_statements; {ROLES}")
    server.execute(f"CREATE DATABASE {DATABASE}")
    with server.connect(dbname=DATABASE) as owner:
        owner.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        with owner.transaction():  # what is made and filled in one transaction needs no WAL
            for text in (TABLES, ROWS if rows else FEW, *([BLOATED] if bloated else ())):
                owner.execute(text.encode())
            _index(owner)
        _grant(server, owner)
        if rows:
            _age(owner)
        if server.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'hypopg'"):
            owner.execute("CREATE EXTENSION hypopg")
    server.execute("SELECT pg_stat_statements_reset()")


def _index(owner: Session) -> None:
    owner.execute("SET search_path = carrier")
    for made in INDEXES:
        unique = "UNIQUE " if made.sql.startswith("UNIQUE ") else ""
        owner.execute(f"CREATE {unique}INDEX {made.sql.removeprefix('UNIQUE ')}".encode())
    owner.execute(FINISH.encode())


def _grant(server: Postgres, owner: Session) -> None:
    owner.execute(RIGHTS.encode())
    owner.execute((READS if server.major >= 14 else READS_13).encode())
    owner.execute(
        HELPER.read_text().replace(" app", " carrier").replace("TO exporter", f"TO {WATCHER}").encode()
    )


def _age(owner: Session) -> None:
    """What the tables have behind them."""
    with suppress(psycopg.errors.UniqueViolation):
        owner.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {INVALID} ON carrier.couriers (badge)".encode())
    owner.execute("DELETE FROM carrier.messages WHERE id % 4 <> 0")
    seen = [
        words.Identifier("carrier", name)
        for (name,) in owner.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'carrier'::regnamespace"
            " AND relkind IN ('r', 'p', 'm') AND relname <> ALL (%s)",
            [list(UNSEEN)],
        )
    ]
    owner.execute(words.SQL("VACUUM (ANALYZE) {}").format(words.SQL(", ").join(seen)))
    owner.execute("ANALYZE carrier.positions; SELECT pg_stat_reset()")
    owner.execute(NEGLECTED.encode())
