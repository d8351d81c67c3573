"""Search indexes of the search modules, from FT.INFO."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exporter.collectors.redis._replies import granted, listed, paired
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import Metric, counter, gauge
from exporter.model.table import Table, Value, by_row
from exporter.sources.redis import Command, RedisSource, Reply
from exporter.sources.redis.info import number

LABELS = ("index_name",)
MEGABYTE = 1024 * 1024
MOST_INDEXES = 200
PERIOD_SECONDS = 30.0


def _size(name: str, of: str) -> Metric:
    return gauge(name, f"Memory of {of}.", LABELS)


COUNTS: dict[str, Metric] = {
    "num_docs": gauge("redis_search_index_num_docs", "Documents in a search index.", LABELS),
    "max_doc_id": gauge("redis_search_index_max_doc_id", "Highest number that a document has got.", LABELS),
    "num_terms": gauge("redis_search_index_num_terms", "Distinct terms in a search index.", LABELS),
    "num_records": gauge("redis_search_index_num_records", "Records in a search index.", LABELS),
    "total_inverted_index_blocks": gauge(
        "redis_search_index_total_inverted_index_blocks", "Blocks of the inverted index.", LABELS
    ),
    "records_per_doc_avg": gauge(
        "redis_search_index_avg_per_doc_records", "Records of a document, mean.", LABELS
    ),
    "bytes_per_record_avg": gauge(
        "redis_search_index_avg_per_record_bytes", "Bytes of a record, mean.", LABELS
    ),
    "offsets_per_term_avg": gauge(
        "redis_search_index_avg_per_term_offsets", "Offsets of a term, mean.", LABELS
    ),
    "offset_bits_per_record_avg": gauge(
        "redis_search_index_avg_per_record_offset_bits", "Bits for the offsets of a record, mean.", LABELS
    ),
    "indexing": gauge("redis_search_index_indexing", "1 while the index is being built.", LABELS),
    "percent_indexed": gauge(
        "redis_search_index_percent_indexed", "Part of the documents that is indexed, from 0 to 1.", LABELS
    ),
    "hash_indexing_failures": gauge(
        "redis_search_index_hash_indexing_failures", "Documents that could not be indexed, so far.", LABELS
    ),
    "number_of_uses": counter(
        "redis_search_index_number_of_uses_total", "How often the index was used.", LABELS
    ),
    "cleaning": gauge("redis_search_index_cleaning", "1 while the index is being deleted.", LABELS),
}
MEGABYTES: dict[str, Metric] = {
    "inverted_sz_mb": _size("redis_search_index_inverted_size_bytes", "the inverted index"),
    "vector_index_sz_mb": _size("redis_search_index_vector_index_size_bytes", "the vector index"),
    "offset_vectors_sz_mb": _size("redis_search_index_offset_vectors_size_bytes", "the terms' offsets"),
    "doc_table_size_mb": _size("redis_search_index_doc_table_size_bytes", "the table of documents"),
    "sortable_values_size_mb": _size("redis_search_index_sortable_values_size_bytes", "sortable values"),
    "key_table_size_mb": _size("redis_search_index_key_table_size_bytes", "the table of keys"),
    "tag_overhead_sz_mb": _size(
        "redis_search_index_tag_overhead_size_bytes", "the structures for TAG fields"
    ),
    "text_overhead_sz_mb": _size(
        "redis_search_index_text_overhead_size_bytes", "the structures for TEXT fields"
    ),
    "total_index_memory_sz_mb": _size("redis_search_index_total_index_memory_size_bytes", "the index in all"),
    "geoshapes_sz_mb": _size("redis_search_index_geoshapes_size_bytes", "the structures for shapes"),
}
METRICS = (*COUNTS.values(), *MEGABYTES.values())

INFO_MODULES: Command = ("INFO", "MODULES")
FT_LIST: Command = ("FT._LIST",)
SEARCH_MODULE = re.compile(r"^module:name=(?:search|ft),", re.MULTILINE)


def build(redis: RedisSource) -> Collect:
    """Asks for the names of the indexes, and for the figures of those that redis.search_indexes matches.

    A server without a search module is not asked: it would count an error.
    """

    async def collect(deadline: Deadline) -> Sequence[Table]:
        (modules,) = await redis.fetch([INFO_MODULES], deadline)
        if not SEARCH_MODULE.search(str(granted(modules))):
            raise Skip(Reason.UNSUPPORTED, "no search module is loaded")
        (reply,) = await redis.fetch([FT_LIST], deadline)
        pattern = redis.search_indexes
        names = sorted(
            {name for name in listed(granted(reply)) if isinstance(name, str) and pattern.search(name)}
        )
        chosen = names[:MOST_INDEXES]
        replies = await redis.fetch([("FT.INFO", name) for name in chosen], deadline)
        # An index that was dropped in between is refused, and has no row.
        found = [((name,), _row(details)) for name, details in zip(chosen, replies, strict=True)]
        return [by_row(LABELS, METRICS, [row for row in found if any(v is not None for v in row[1])])]

    return collect


def _row(details: Reply) -> tuple[Value, ...]:
    fields = paired(details)
    sizes = [_number(fields.get(field)) for field in MEGABYTES]
    return (
        *(_number(fields.get(field)) for field in COUNTS),
        *(None if size is None else size * MEGABYTE for size in sizes),
    )


def _number(reply: Reply) -> float | None:
    return reply if isinstance(reply, int) else number(reply) if isinstance(reply, str) else None


COLLECTOR = CollectorSpec(
    help="Search indexes: documents, records, memory, progress.",
    source="redis",
    metrics=METRICS,
    build=build,
    default=False,
    cost=Cost.ROWS,
    every_seconds=PERIOD_SECONDS,
    docs="https://redis.io/docs/latest/commands/ft.info/",
    explain=lambda _major: (
        "INFO MODULES\nFT._LIST  (with a search module)\nFT.INFO INDEX  (those of redis.search_indexes)"
    ),
)
