"""INFO fields that search modules write: RediSearch, and Valkey's."""

from __future__ import annotations

from exporter.collectors.redis._field import Field
from exporter.model.metric import counter, gauge

INDEXES = (
    Field("search_number_of_indexes", gauge("redis_search_number_of_indexes", "Search indexes.")),
    Field(
        "search_number_of_active_indexes",
        gauge("redis_search_number_of_active_indexes", "Search indexes that are at work."),
    ),
    Field(
        "search_number_of_active_indexes_running_queries",
        gauge("redis_search_number_of_active_indexes_running_queries", "Search indexes that answer a query."),
    ),
    Field(
        "search_number_of_active_indexes_indexing",
        gauge(
            "redis_search_number_of_active_indexes_indexing", "Search indexes that index in the background."
        ),
    ),
    Field(
        "search_number_of_attributes",
        gauge("redis_search_number_of_attributes", "Attributes of all search indexes (Valkey)."),
    ),
    Field(
        "search_total_indexed_documents",
        gauge("redis_search_total_indexed_documents", "Documents in all search indexes (Valkey)."),
    ),
    Field(
        "search_total_num_docs_in_indexes",
        gauge("redis_search_total_num_docs_in_indexes", "Documents in all search indexes."),
    ),
    Field(
        "search_total_active_write_threads",
        gauge("redis_search_total_active_write_threads", "Threads that index in the background."),
    ),
    Field(
        "search_total_indexing_time",
        counter("redis_search_indexing_time_ms_total", "Milliseconds spent in indexing."),
    ),
    Field(
        "search_errors_indexing_failures",
        gauge("redis_search_errors_indexing_failures", "Documents that could not be indexed, so far."),
    ),
    Field(
        "search_used_memory_bytes",
        gauge("redis_search_used_memory_bytes", "Memory of the search module (Valkey)."),
    ),
    Field(
        "search_used_memory_indexes",
        gauge("redis_search_used_memory_indexes_bytes", "Memory of all search indexes."),
    ),
    Field(
        "search_used_memory_vector_index",
        gauge("redis_search_used_memory_vector_index_bytes", "Memory of all vector indexes."),
    ),
    Field(
        "search_smallest_memory_index",
        gauge("redis_search_smallest_memory_index_bytes", "Memory of the smallest search index."),
    ),
    Field(
        "search_largest_memory_index",
        gauge("redis_search_largest_memory_index_bytes", "Memory of the largest search index."),
    ),
    Field(
        "search_string_interning_store_size",
        gauge(
            "redis_search_string_interning_store_size",
            "Strings that the search module keeps once for all (Valkey).",
        ),
    ),
    Field(
        "search_dialect_1",
        gauge("redis_search_dialect_1", "Figure of the search module for dialect 1 of queries."),
    ),
    Field(
        "search_dialect_2",
        gauge("redis_search_dialect_2", "Figure of the search module for dialect 2 of queries."),
    ),
    Field(
        "search_dialect_3",
        gauge("redis_search_dialect_3", "Figure of the search module for dialect 3 of queries."),
    ),
    Field(
        "search_dialect_4",
        gauge("redis_search_dialect_4", "Figure of the search module for dialect 4 of queries."),
    ),
)

COLLECTION = (
    Field(
        "search_bytes_collected",
        gauge(
            "redis_search_collected_bytes", "Bytes that garbage collection of indexes has freed (before 8.0)."
        ),
    ),
    Field(
        "search_total_cycles",
        counter("redis_search_cycles_total", "Runs of the indexes' garbage collection (before 8.0)."),
    ),
    Field(
        "search_total_ms_run",
        counter("redis_search_run_ms_total", "Milliseconds of the indexes' garbage collection (before 8.0)."),
    ),
    Field(
        "search_gc_bytes_collected",
        gauge("redis_search_gc_collected_bytes", "Bytes that garbage collection of indexes has freed."),
    ),
    Field(
        "search_gc_total_cycles",
        counter("redis_search_gc_cycles_total", "Runs of the indexes' garbage collection."),
    ),
    Field(
        "search_gc_total_ms_run",
        counter("redis_search_gc_run_ms_total", "Milliseconds of the indexes' garbage collection."),
    ),
    Field(
        "search_gc_total_docs_not_collected",
        gauge("redis_search_gc_total_docs_not_collected", "Deleted documents whose memory is not freed yet."),
    ),
    Field(
        "search_gc_marked_deleted_vectors",
        gauge("redis_search_gc_marked_deleted_vectors", "Deleted vectors whose memory is not freed yet."),
    ),
)

QUERIES = (
    Field(
        "search_total_queries_processed",
        counter("redis_search_queries_processed_total", "Queries that were answered."),
    ),
    Field(
        "search_total_query_commands",
        counter("redis_search_query_commands_total", "Commands that query indexes, cursor reads included."),
    ),
    Field(
        "search_total_query_execution_time_ms",
        counter("redis_search_query_execution_time_ms_total", "Milliseconds spent in queries."),
    ),
    Field("search_total_active_queries", counter("redis_search_active_queries_total", "Queries under way.")),
    Field(
        "search_successful_requests_count",
        counter("redis_search_successful_requests_count", "Queries that went well (Valkey)."),
    ),
    Field(
        "search_failure_requests_count",
        counter("redis_search_failure_requests_count", "Queries that failed (Valkey)."),
    ),
    Field(
        "search_hybrid_requests_count",
        counter("redis_search_hybrid_requests_count", "Queries for vectors with a filter (Valkey)."),
    ),
    Field(
        "search_inline_filtering_requests_count",
        counter(
            "redis_search_inline_filtering_requests_count",
            "Queries that were filtered while they searched (Valkey).",
        ),
    ),
    Field(
        "search_query_queue_size",
        gauge("redis_search_query_queue_size", "Queries that wait for a thread (Valkey)."),
    ),
    Field(
        "search_writer_queue_size",
        gauge("redis_search_writer_queue_size", "Changes that wait to be indexed (Valkey)."),
    ),
    Field(
        "search_global_idle", gauge("redis_search_global_idle", "Cursors that nobody reads at the moment.")
    ),
    Field(
        "search_global_idle_user",
        gauge("redis_search_global_idle_user", "Cursors of users that nobody reads at the moment."),
    ),
    Field(
        "search_global_idle_internal",
        gauge("redis_search_global_idle_internal", "Internal cursors that nobody reads at the moment."),
    ),
    Field("search_global_total", gauge("redis_search_global_total", "Cursors.")),
    Field("search_global_total_user", gauge("redis_search_global_total_user", "Cursors of users.")),
    Field("search_global_total_internal", gauge("redis_search_global_total_internal", "Internal cursors.")),
)

FIELDS = (*INDEXES, *COLLECTION, *QUERIES)
