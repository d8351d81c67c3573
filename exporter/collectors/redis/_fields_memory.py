"""INFO fields of the section Memory."""

from __future__ import annotations

from exporter.collectors.redis._field import Field
from exporter.model.metric import gauge

USED = (
    Field("used_memory", gauge("redis_memory_used_bytes", "Memory that the server has allocated.")),
    Field("used_memory_rss", gauge("redis_memory_used_rss_bytes", "Resident memory of the server process.")),
    Field(
        "used_memory_peak", gauge("redis_memory_used_peak_bytes", "Most memory that was allocated so far.")
    ),
    Field(
        "used_memory_peak_perc",
        gauge("redis_memory_used_peak_ratio", "Used memory over the most that was used so far."),
        100,
    ),
    Field(
        "used_memory_peak_time",
        gauge(
            "redis_memory_used_peak_timestamp_seconds",
            "Unix time at which the most memory was used (Redis 8 and newer).",
        ),
    ),
    Field(
        "used_memory_overhead",
        gauge("redis_memory_used_overhead_bytes", "Memory for buffers, dictionaries and clients' state."),
    ),
    Field(
        "used_memory_startup",
        gauge("redis_memory_used_startup_bytes", "Memory in use right after the start."),
    ),
    Field("used_memory_dataset", gauge("redis_memory_used_dataset_bytes", "Memory of the data itself.")),
    Field(
        "used_memory_dataset_perc",
        gauge(
            "redis_memory_used_dataset_ratio",
            "Memory of the data over what the server has allocated since its start.",
        ),
        100,
    ),
    Field("used_memory_lua", gauge("redis_memory_used_lua_bytes", "Memory of the Lua machine for EVAL.")),
    Field(
        "used_memory_vm_eval",
        gauge(
            "redis_memory_used_vm_eval_bytes",
            "Memory of the machines that run EVAL, not part of used memory.",
        ),
    ),
    Field(
        "used_memory_vm_functions",
        gauge(
            "redis_memory_used_vm_functions_bytes",
            "Memory of the machines that run functions, not part of used memory.",
        ),
    ),
    Field(
        "used_memory_vm_total",
        gauge(
            "redis_memory_used_vm_total", "Memory in bytes of all machines that run scripts and functions."
        ),
    ),
    Field(
        "used_memory_functions",
        gauge("redis_memory_used_functions_bytes", "Overhead of functions, part of used memory."),
    ),
    Field(
        "used_memory_scripts_eval",
        gauge(
            "redis_memory_used_scripts_eval_bytes", "Overhead of cached EVAL scripts, part of used memory."
        ),
    ),
    Field(
        "used_memory_scripts",
        gauge("redis_memory_used_scripts_bytes", "Overhead of scripts and functions, part of used memory."),
    ),
    Field("number_of_cached_scripts", gauge("redis_number_of_cached_scripts", "EVAL scripts in the cache.")),
    Field("number_of_functions", gauge("redis_number_of_functions", "Functions that are loaded.")),
    Field("number_of_libraries", gauge("redis_number_of_libraries", "Function libraries that are loaded.")),
)

LIMITS = (
    Field("maxmemory", gauge("redis_memory_max_bytes", "The limit maxmemory; 0 is no limit.")),
    Field(
        "total_system_memory",
        gauge(
            "redis_total_system_memory_bytes",
            "Memory of the server's host; a container's limit is not considered.",
        ),
    ),
    Field(
        "maxmemory_reservation",
        gauge("redis_memory_max_reservation_bytes", "Memory set aside from maxmemory (Azure Cache)."),
    ),
    Field(
        "maxmemory_desired_reservation",
        gauge(
            "redis_memory_max_reservation_desired_bytes",
            "Memory to be set aside from maxmemory (Azure Cache).",
        ),
    ),
    Field(
        "maxfragmentationmemory_reservation",
        gauge(
            "redis_memory_max_fragmentation_reservation_bytes",
            "Memory set aside for fragmentation (Azure Cache).",
        ),
    ),
    Field(
        "maxfragmentationmemory_desired_reservation",
        gauge(
            "redis_memory_max_fragmentation_reservation_desired_bytes",
            "Memory to be set aside for fragmentation (Azure Cache).",
        ),
    ),
)

ALLOCATOR = (
    Field(
        "allocator_allocated", gauge("redis_allocator_allocated_bytes", "Bytes the allocator has handed out.")
    ),
    Field(
        "allocator_active",
        gauge(
            "redis_allocator_active_bytes", "Bytes in the allocator's active pages, fragmentation included."
        ),
    ),
    Field(
        "allocator_resident", gauge("redis_allocator_resident_bytes", "Bytes the allocator keeps resident.")
    ),
    Field(
        "allocator_muzzy",
        gauge(
            "redis_allocator_muzzy_bytes", "Bytes the allocator has given back, and the system has not taken."
        ),
    ),
    Field(
        "allocator_frag_ratio",
        gauge("redis_allocator_frag_ratio", "Active over allocated bytes of the allocator."),
    ),
    Field(
        "allocator_frag_bytes",
        gauge("redis_allocator_frag_bytes", "Active less allocated bytes of the allocator."),
    ),
    Field(
        "allocator_rss_ratio",
        gauge("redis_allocator_rss_ratio", "Resident over active bytes of the allocator."),
    ),
    Field(
        "allocator_rss_bytes",
        gauge("redis_allocator_rss_bytes", "Resident less active bytes of the allocator."),
    ),
    Field(
        "rss_overhead_ratio",
        gauge("redis_rss_overhead_ratio", "Resident memory of the process over that of its allocator."),
    ),
    Field(
        "rss_overhead_bytes",
        gauge("redis_rss_overhead_bytes", "Resident memory of the process less that of its allocator."),
    ),
    Field(
        "mem_fragmentation_ratio",
        gauge("redis_mem_fragmentation_ratio", "Resident over used memory; says little on small data sets."),
    ),
    Field("mem_fragmentation_bytes", gauge("redis_mem_fragmentation_bytes", "Resident less used memory.")),
    Field(
        "active_defrag_running",
        gauge("redis_active_defrag_running", "CPU percentage that defragmentation aims at."),
    ),
    Field(
        "lazyfree_pending_objects",
        gauge("redis_lazyfree_pending_objects", "Objects that wait to be freed in the background."),
    ),
    Field(
        "lazyfreed_objects",
        gauge("redis_lazyfreed_objects", "Objects that were freed in the background so far."),
    ),
)

BUFFERS = (
    Field(
        "mem_clients_normal",
        gauge("redis_mem_clients_normal", "Memory in bytes of the clients' connections."),
    ),
    Field(
        "mem_clients_slaves",
        gauge("redis_mem_clients_slaves", "Memory in bytes of the replicas' connections."),
    ),
    Field(
        "mem_cluster_links", gauge("redis_mem_cluster_links_bytes", "Memory of the links of the cluster bus.")
    ),
    Field(
        "mem_aof_buffer",
        gauge("redis_mem_aof_buffer_bytes", "Memory of the buffer for the append-only file."),
    ),
    Field(
        "mem_replication_backlog",
        gauge("redis_mem_replication_backlog_bytes", "Memory of the replication backlog."),
    ),
    Field(
        "mem_total_replication_buffers",
        gauge("redis_mem_total_replication_buffers_bytes", "Memory of all replication buffers together."),
    ),
    Field(
        "mem_replicas_repl_buffer",
        gauge(
            "redis_mem_replicas_repl_buffer_bytes",
            "Memory of a replica's replication buffer (Valkey 9 and newer).",
        ),
    ),
    Field(
        "mem_replica_full_sync_buffer",
        gauge(
            "redis_mem_replica_full_sync_buffer_bytes",
            "Memory of the buffer that a replica fills while it is synchronized (Redis 8 and newer).",
        ),
    ),
    Field(
        "mem_not_counted_for_evict",
        gauge("redis_mem_not_counted_for_eviction_bytes", "Memory that does not count towards maxmemory."),
    ),
    Field(
        "mem_overhead_db_hashtable_rehashing",
        gauge(
            "redis_mem_overhead_db_hashtable_rehashing_bytes",
            "Memory that growing dictionaries use for a while.",
        ),
    ),
)

FIELDS = (*USED, *LIMITS, *ALLOCATOR, *BUFFERS)
