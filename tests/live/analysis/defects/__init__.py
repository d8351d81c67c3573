"""A carrier's database and application with defects that are known, beside much that is healthy.

What the analysis says of it is compared with what is true: `python -m tests.live.analysis.defects` writes the
figures of docs/analysis.md.
"""
