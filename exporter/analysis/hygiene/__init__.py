"""Indexes that cost more than they give, and foreign keys that lack one. Catalogs and statistics, no plans.

`index_hygiene` is the way in: which indexes may go is decided together, so that of two that could stand in
for each other one always stays.
"""

from exporter.analysis.hygiene.foreign_keys import unindexed_foreign_keys
from exporter.analysis.hygiene.hygiene import dropped_by, index_hygiene
from exporter.analysis.hygiene.invalid import invalid_indexes

__all__ = ["dropped_by", "index_hygiene", "invalid_indexes", "unindexed_foreign_keys"]
