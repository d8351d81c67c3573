"""What a plan of EXPLAIN (VERBOSE, FORMAT JSON) says about tables. Pure.

The planner has already resolved views, aliases, search_path and partitions, so the plan names real tables
and real columns where the text of the query does not.
"""
