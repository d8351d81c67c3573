"""The carrier's indexes beside those of primary keys and constraints: which are needed, which are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.analysis.finding import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An index beside those of primary keys and constraints.

    Attributes:
        sql: what makes it, from its name on: `name ON table (columns)`, perhaps after `UNIQUE`.
        kind: what is wrong with it; None if nothing is.
        why: it is wrong, or must stay.
        instead: of a pair of which either may go, the other one.
    """

    sql: str
    kind: Kind | None = None
    why: str
    instead: str = ""

    @property
    def name(self) -> str:
        """Its name."""
        return self.sql.removeprefix("UNIQUE ").partition(" ")[0]


INDEXES: Sequence[Made] = (
    # What queries and foreign keys need.
    Made(sql="vehicles_depot ON vehicles (depot_id)", why="a foreign key"),
    Made(
        sql="couriers_depot ON couriers (depot_id)",
        kind=Kind.DUPLICATE_INDEX,
        why="the same columns twice",
        instead="couriers_by_depot",
    ),
    Made(
        sql="couriers_by_depot ON couriers (depot_id)",
        kind=Kind.DUPLICATE_INDEX,
        why="the same columns twice",
        instead="couriers_depot",
    ),
    Made(sql="couriers_vehicle ON couriers USING hash (vehicle_id)", why="a foreign key"),
    Made(sql="routes_day_id ON routes (day, id)", why="used"),
    Made(sql="routes_courier ON routes (courier_id) WHERE courier_id IS NOT NULL", why="a foreign key"),
    Made(sql="stops_route ON stops (route_id)", kind=Kind.DUPLICATE_INDEX, why="the beginning of another"),
    Made(sql="stops_route_position ON stops (route_id, position)", why="used"),
    Made(sql="parcels_tracking ON parcels (tracking)", kind=Kind.DUPLICATE_INDEX, why="beside a unique one"),
    Made(sql="parcels_depot_posted ON parcels (depot_id, posted_at)", why="a foreign key; never scanned"),
    Made(sql="parcels_price ON parcels (price)", why="used once"),
    Made(
        sql="parcels_recipient ON parcels (recipient)",
        kind=Kind.UNUSED_INDEX,
        why="a column that nobody asks for",
    ),
    Made(sql="parcels_weight ON parcels (weight, tracking)", kind=Kind.UNUSED_INDEX, why="two columns"),
    Made(
        sql="parcels_late ON parcels (posted_at, tracking) WHERE weight > 30",
        kind=Kind.UNUSED_INDEX,
        why="partial",
    ),
    Made(sql="scans_parcel ON scans (parcel_id)", why="a foreign key, of partitions"),
    Made(sql="scans_at ON scans (at)", why="used in one partition only"),
    Made(sql="scans_kind_at ON scans (kind, at)", kind=Kind.UNUSED_INDEX, why="of partitions"),
    Made(
        sql="scans_half ON ONLY scans (kind, device)",
        why="invalid until each partition has one: nothing failed",
    ),
    Made(sql="senders_name ON senders (upper(name))", kind=Kind.UNUSED_INDEX, why="an expression"),
    Made(sql="senders_email ON senders (email)", why="used"),
    Made(sql="shifts_remark ON shifts (remark)", why="the table is clustered by it; never scanned"),
    Made(
        sql="invoices_sender ON invoices (sender_id)",
        kind=Kind.DUPLICATE_INDEX,
        why="another has more columns",
    ),
    Made(sql="invoices_sender_amount ON invoices (sender_id) INCLUDE (amount)", why="used"),
    Made(sql="UNIQUE invoices_reference ON invoices (reference)", why="keeps a rule; never scanned"),
    Made(
        sql="invoices_issued ON invoices (issued)",
        kind=Kind.DUPLICATE_INDEX,
        why="the other direction",
        instead="invoices_issued_desc",
    ),
    Made(
        sql="invoices_issued_desc ON invoices (issued DESC)",
        kind=Kind.DUPLICATE_INDEX,
        why="the other direction",
        instead="invoices_issued",
    ),
    Made(sql="claims_open ON claims (opened) WHERE state = 'open'", why="used, partial"),
    Made(sql="tickets_labels ON tickets USING gin (labels)", why="used"),
    Made(sql="readings_meter ON readings (meter)", why="used"),
    Made(sql="crates_lane ON crates (lane, depot_id)", why="a foreign key, in the other order"),
    Made(sql="depots_region ON depots (region)", why="too small to matter; never scanned"),
    Made(sql="UNIQUE ledger_entry ON ledger (entry)", why="logical replication needs it"),
    Made(sql="messages_body ON messages (body)", why="used"),
    # Such as look alike.
    Made(sql="codes_a ON codes (a)", why="beside such as are no duplicates of it"),
    Made(sql="codes_b ON codes (b)", why="the default operator class"),
    Made(sql="codes_b_pattern ON codes (b text_pattern_ops)", why="another operator class"),
    Made(sql='codes_b_posix ON codes (b COLLATE "POSIX")', why="another collation"),
    Made(sql="codes_a_hash ON codes USING hash (a)", why="another method"),
    Made(sql="codes_a_live ON codes (a) WHERE live", why="of some rows only"),
    Made(sql="codes_bc ON codes (c, b)", why="another order of columns"),
    Made(sql="UNIQUE codes_c ON codes (c)", why="keeps a rule, beside a longer one"),
    Made(sql="codes_lower ON codes (lower(b))", why="an expression"),
    Made(sql="codes_upper ON codes (upper(b))", why="another expression"),
)
