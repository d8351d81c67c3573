"""Baselines: what a stretch of time looked like, kept in a file, to compare another one with.

`snapshot.py` is what is kept, `comparison.py` compares two of them, `store.py` has the files. Who asks a
server is the command `baseline`.
"""
