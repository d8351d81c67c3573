"""INFO fields that Valkey's modules write: search, Bloom filters, JSON."""

from __future__ import annotations

from exporter.collectors.redis._field import Field
from exporter.model.metric import counter, gauge

SEARCH = (
    Field(
        "search_worker_pool_suspend_cnt",
        counter(
            "redis_search_worker_pool_suspend_count", "How often the search threads were stopped for a fork."
        ),
    ),
    Field(
        "search_writer_resumed_cnt",
        counter("redis_search_writer_resumed_count", "How often the writing threads went on after that."),
    ),
    Field(
        "search_reader_resumed_cnt",
        counter("redis_search_reader_resumed_count", "How often the reading threads went on after that."),
    ),
    Field(
        "search_writer_suspension_expired_cnt",
        counter(
            "redis_search_writer_suspension_expired_count",
            "How often the writing threads went on before the fork had ended.",
        ),
    ),
    Field(
        "search_rdb_load_success_cnt",
        counter("redis_search_rdb_load_success_count", "Indexes that were loaded from a dump."),
    ),
    Field(
        "search_rdb_load_failure_cnt",
        counter("redis_search_rdb_load_failure_count", "Indexes that could not be loaded from a dump."),
    ),
    Field(
        "search_rdb_save_success_cnt",
        counter("redis_search_rdb_save_success_count", "Indexes that were written to a dump."),
    ),
    Field(
        "search_rdb_save_failure_cnt",
        counter("redis_search_rdb_save_failure_count", "Indexes that could not be written to a dump."),
    ),
    Field(
        "search_hnsw_add_exceptions_count",
        counter(
            "redis_search_hnsw_add_exceptions_count", "Vectors that could not be added to an HNSW index."
        ),
    ),
    Field(
        "search_hnsw_remove_exceptions_count",
        counter(
            "redis_search_hnsw_remove_exceptions_count",
            "Vectors that could not be removed from an HNSW index.",
        ),
    ),
    Field(
        "search_hnsw_modify_exceptions_count",
        counter(
            "redis_search_hnsw_modify_exceptions_count", "Vectors that could not be changed in an HNSW index."
        ),
    ),
    Field(
        "search_hnsw_search_exceptions_count",
        counter("redis_search_hnsw_search_exceptions_count", "Searches in an HNSW index that failed."),
    ),
    Field(
        "search_hnsw_create_exceptions_count",
        counter("redis_search_hnsw_create_exceptions_count", "HNSW indexes that could not be made."),
    ),
    Field(
        "search_vector_externing_entry_count",
        counter("redis_search_vector_externing_entry_count", "Vectors that the index shares with the key."),
    ),
    Field(
        "search_vector_externing_generated_value_cnt",
        counter(
            "redis_search_vector_externing_generated_value_count", "Values made anew from shared vectors."
        ),
    ),
    Field(
        "search_vector_externing_lru_promote_cnt",
        counter(
            "redis_search_vector_externing_lru_promote_count",
            "Shared vectors that were used again while they were kept.",
        ),
    ),
    Field(
        "search_vector_externing_deferred_entry_cnt",
        counter("redis_search_vector_externing_deferred_entry_count", "Shared vectors that were put off."),
    ),
    Field(
        "search_vector_externing_hash_extern_errors",
        gauge(
            "redis_search_vector_externing_hash_extern_errors", "Vectors that could not be shared, so far."
        ),
    ),
    Field(
        "search_vector_externing_num_lru_entries",
        gauge(
            "redis_search_vector_externing_num_lru_entries", "Shared vectors that are kept for the next use."
        ),
    ),
)

OTHERS = (
    Field(
        "bf_bloom_total_memory_bytes",
        gauge("redis_bf_bloom_total_memory_bytes", "Memory of all Bloom filters."),
    ),
    Field("bf_bloom_num_objects", gauge("redis_bf_bloom_num_objects", "Keys that hold a Bloom filter.")),
    Field(
        "bf_bloom_num_filters_across_objects",
        gauge(
            "redis_bf_bloom_num_filters_across_objects",
            "Filters in all those keys: one that grows has several.",
        ),
    ),
    Field(
        "bf_bloom_num_items_across_objects",
        gauge("redis_bf_bloom_num_items_across_objects", "Items in all Bloom filters."),
    ),
    Field(
        "bf_bloom_capacity_across_objects",
        gauge("redis_bf_bloom_capacity_across_objects", "Items that all Bloom filters are made for."),
    ),
    Field(
        "bf_bloom_defrag_hits",
        counter("redis_bf_bloom_defrag_hits_total", "Bloom filters that defragmentation has moved."),
    ),
    Field(
        "bf_bloom_defrag_misses",
        counter("redis_bf_bloom_defrag_misses_total", "Bloom filters that it did not move."),
    ),
    Field("json_total_memory_bytes", gauge("redis_json_total_memory_bytes", "Memory of all JSON documents.")),
    Field("json_num_documents", gauge("redis_json_num_documents", "JSON documents.")),
)

FIELDS = (*SEARCH, *OTHERS)
