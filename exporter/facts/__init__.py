"""What an analysis needs to know of a PostgreSQL server: frozen values, and the queries that read them.

Beside `collectors/`, which read what a scrape shows. Facts are read on demand or rarely, on a session for
background work, and each reader says what it costs. `statement.py` and `relations.py` are the values.
"""
