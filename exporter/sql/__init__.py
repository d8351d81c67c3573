"""What the text of an SQL statement says by itself: its words, its operation, its tables. No I/O, no parser.

The texts are those of pg_stat_statements and pg_stat_activity: normalized or not, cut or not, in any dialect
that a server has taken. So nothing here fails on a text: what is not understood is left out.
"""
