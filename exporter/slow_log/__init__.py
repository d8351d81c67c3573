"""What becomes of slow queries beside their metrics: `slow_queries.log`, and the callbacks of extensions.

Nothing here runs in the event loop but putting a query into a bounded queue: files and callbacks have threads
of their own.
"""
