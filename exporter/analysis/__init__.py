"""From facts to findings: which query is slow, why, and what to do. Pure: what is needed is handed in.

`finding.py` is what all of it gives. `examine.py` is the one module that asks servers: it reads the facts,
asks for plans, and calls the others. Nothing here knows of HTTP, of the page of metrics, or of a terminal.
"""
