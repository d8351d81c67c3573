"""The carrier's tables and indexes, and what is wrong with some of them. For rows see `data`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.analysis.finding import Kind
from tests.live.analysis.defects.indexes import INDEXES

DATABASE = "carrier"
APPLICATION, WATCHER = "carrier_app", "watcher"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """Something that is wrong, and a finding has to say so.

    Attributes:
        kind: of the finding.
        what: it is, for people.
        subjects: of the finding: any of these will do.
        rule: of the finding; empty for any.
    """

    kind: Kind
    what: str
    subjects: tuple[str, ...]
    rule: str = ""


TABLES = """
CREATE SCHEMA carrier;
SET search_path = carrier;
CREATE TABLE called (what text);
CREATE FUNCTION recorded() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO carrier.called VALUES (TG_OP); RETURN coalesce(NEW, OLD); END$$;
CREATE FUNCTION next_label(number int) RETURNS int LANGUAGE plpgsql VOLATILE AS
    $$BEGIN INSERT INTO carrier.called VALUES ('next_label'); RETURN number; END$$;
CREATE TABLE depots (id int PRIMARY KEY, code text NOT NULL UNIQUE, name text NOT NULL, region text NOT NULL);
CREATE TABLE vehicles (
    id int PRIMARY KEY, plate text NOT NULL UNIQUE, depot_id int NOT NULL REFERENCES depots, capacity int);
CREATE TABLE couriers (
    id int PRIMARY KEY, depot_id int NOT NULL REFERENCES depots, vehicle_id int NOT NULL REFERENCES vehicles,
    name text NOT NULL, phone text NOT NULL, badge int NOT NULL, seen int NOT NULL DEFAULT 0);
CREATE TABLE logins (token text PRIMARY KEY, courier_id int NOT NULL);
CREATE TABLE routes (id int PRIMARY KEY, day date NOT NULL, number int NOT NULL,
    courier_id int REFERENCES couriers);
CREATE TABLE senders (
    id int PRIMARY KEY, email varchar(80) NOT NULL, name text NOT NULL, country text NOT NULL,
    vat text NOT NULL,
    joined date NOT NULL);
CREATE TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON senders FOR EACH ROW EXECUTE FUNCTION recorded();
CREATE TABLE parcels (
    id int PRIMARY KEY, tracking text NOT NULL UNIQUE, sender_id int NOT NULL REFERENCES senders,
    depot_id int NOT NULL REFERENCES depots, status text NOT NULL, postcode text NOT NULL,
    weight int NOT NULL,
    price numeric NOT NULL, posted_at timestamptz NOT NULL, delivered_at timestamptz, recipient text NOT NULL,
    note text);
CREATE TABLE stops (
    id int PRIMARY KEY, route_id int NOT NULL REFERENCES routes, position int NOT NULL,
    parcel_id int NOT NULL REFERENCES parcels, arrived boolean NOT NULL);
CREATE TABLE scans (parcel_id int NOT NULL REFERENCES parcels, device int NOT NULL, kind text NOT NULL,
    at timestamptz NOT NULL)
    PARTITION BY RANGE (at);
CREATE TABLE scans_1 PARTITION OF scans FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE scans_2 PARTITION OF scans FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
CREATE TABLE scans_3 PARTITION OF scans FOR VALUES FROM ('2025-03-01') TO ('2025-04-01');
CREATE TABLE scans_4 PARTITION OF scans FOR VALUES FROM ('2025-04-01') TO ('2025-06-01');
CREATE TABLE shelves (
    id int PRIMARY KEY, hall int NOT NULL, rack int NOT NULL, barcode text NOT NULL, filled int NOT NULL);
CREATE TABLE shifts (
    id int PRIMARY KEY, courier_id int NOT NULL, began timestamptz NOT NULL, hours int NOT NULL, remark text);
CREATE TABLE leave (id int PRIMARY KEY, courier_id int NOT NULL, day date NOT NULL, reason text NOT NULL);
CREATE TABLE invoices (
    id int PRIMARY KEY, sender_id int NOT NULL REFERENCES senders, number text NOT NULL UNIQUE,
    reference text NOT NULL, issued date NOT NULL, due date NOT NULL, paid boolean NOT NULL,
    amount numeric NOT NULL);
CREATE TABLE payments (
    id int PRIMARY KEY, payer int NOT NULL, paid_at timestamp NOT NULL, amount numeric NOT NULL);
CREATE FUNCTION balance_of(who int) RETURNS numeric LANGUAGE plpgsql STABLE AS
    $$DECLARE p record; BEGIN
    FOR p IN SELECT sum(amount) AS paid FROM carrier.payments WHERE payer = who
    LOOP RETURN p.paid; END LOOP; END$$;
CREATE TABLE claims (
    id int PRIMARY KEY, tracking text NOT NULL, reference text NOT NULL,
    handler_id int NOT NULL REFERENCES couriers,
    state text NOT NULL, opened date NOT NULL, settled_at timestamptz, amount numeric NOT NULL);
CREATE TABLE addresses (
    id int PRIMARY KEY, city text NOT NULL, street text NOT NULL, grid int NOT NULL, valid boolean NOT NULL);
CREATE VIEW places AS SELECT id AS number, city AS town, street, grid AS square FROM addresses WHERE valid;
CREATE TABLE tickets (
    id int PRIMARY KEY, subject text NOT NULL, state text NOT NULL, created_at timestamptz NOT NULL,
    tags text[] NOT NULL, labels text[] NOT NULL, meta jsonb NOT NULL);
CREATE TABLE grants (id int PRIMARY KEY, holder int NOT NULL, expires_at timestamptz NOT NULL);
CREATE TABLE readings (id int PRIMARY KEY, meter int NOT NULL, value int NOT NULL);
CREATE TABLE loads (lane int NOT NULL, day date NOT NULL, parcels int NOT NULL);
CREATE FUNCTION loaded(int) RETURNS bigint LANGUAGE sql STABLE AS
    $$SELECT sum(parcels) FROM carrier.loads WHERE lane = $1$$;
CREATE TABLE legs (
    route_id int NOT NULL REFERENCES routes, number int NOT NULL, km int NOT NULL, PRIMARY KEY (route_id,
    number));
CREATE TABLE lanes (depot_id int, lane int, name text, PRIMARY KEY (depot_id, lane));
CREATE TABLE crates (
    id int PRIMARY KEY, lane int, depot_id int, owner_id int REFERENCES senders,
    FOREIGN KEY (depot_id, lane) REFERENCES lanes);
CREATE TABLE bookings (room int NOT NULL, during int4range NOT NULL, EXCLUDE USING gist (during WITH &&));
CREATE TABLE ledger (entry bigint NOT NULL, account int NOT NULL, amount numeric NOT NULL);
CREATE TABLE codes (a int NOT NULL, b text NOT NULL, c int NOT NULL, live boolean NOT NULL);
CREATE TABLE profiles (id int PRIMARY KEY, {wide});
CREATE TABLE jobs (id int PRIMARY KEY, state int NOT NULL, payload text);
CREATE TABLE presence (courier_id int PRIMARY KEY, place text);
CREATE TABLE messages (id int PRIMARY KEY, body text NOT NULL);
ALTER TABLE messages ALTER COLUMN body SET STORAGE PLAIN;
CREATE TABLE positions (id int PRIMARY KEY, x int NOT NULL, y int NOT NULL);
CREATE TABLE trips (id int PRIMARY KEY, km int NOT NULL) WITH (autovacuum_enabled = off);
CREATE TABLE imports (id int, line text);
""".replace("{wide}", ", ".join(f"field_{n} text" for n in range(30)))

UNSEEN = ("positions", "imports")
"""Tables that VACUUM and ANALYZE never see."""

INVALID = "couriers_badge"

FINISH = """
SET search_path = carrier;
ALTER TABLE shifts CLUSTER ON shifts_remark;
ALTER TABLE ledger REPLICA IDENTITY USING INDEX ledger_entry;
CREATE MATERIALIZED VIEW daily AS SELECT lane, day, sum(parcels) AS parcels FROM loads GROUP BY 1, 2;
"""

FOREIGN_KEYS = (
    ("carrier.parcels", "sender_id", "large, and referenced rows are deleted"),
    ("carrier.stops", "parcel_id", "large enough"),
    ("carrier.claims", "handler_id", "of middle size"),
    ("carrier.crates", "owner_id", "small"),
)
"""Those without an index: table, column, what is particular about it."""


def _of_indexes() -> Sequence[Defect]:
    pairs = {made.name: made.instead for made in INDEXES if made.instead}
    once = [made for made in INDEXES if made.kind and not (made.instead and made.name > pairs[made.name])]
    return [
        Defect(
            kind=made.kind,
            what=made.why,
            subjects=tuple(f"carrier.{name}" for name in (made.name, made.instead) if name),
        )
        for made in once
        if made.kind
    ]


DEFECTS: Sequence[Defect] = (
    *_of_indexes(),
    Defect(kind=Kind.INVALID_INDEX, what="a unique one that failed", subjects=(f"carrier.{INVALID}",)),
    *(
        Defect(kind=Kind.UNINDEXED_FOREIGN_KEY, what=what, subjects=(f"{table} ({column})",))
        for table, column, what in FOREIGN_KEYS
    ),
    Defect(kind=Kind.TABLE_BLOAT, what="three of four rows are gone", subjects=("carrier.messages",)),
    Defect(kind=Kind.INDEX_BLOAT, what="three of four entries are gone", subjects=("carrier.messages_body",)),
    Defect(kind=Kind.VACUUM_DEBT, what="dead rows", subjects=("carrier.positions",), rule="dead_rows"),
    Defect(
        kind=Kind.VACUUM_DEBT, what="autovacuum is off", subjects=("carrier.trips",), rule="autovacuum_off"
    ),
    Defect(
        kind=Kind.ANALYZE_DEBT,
        what="nearly all rows changed",
        subjects=("carrier.positions",),
        rule="old_statistics",
    ),
    Defect(
        kind=Kind.ANALYZE_DEBT, what="never analyzed", subjects=("carrier.imports",), rule="never_analyzed"
    ),
    Defect(
        kind=Kind.CLIENT, what="idle in a transaction", subjects=(APPLICATION,), rule="idle_in_transaction"
    ),
)
