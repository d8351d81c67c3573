"""Which indexes are missing: candidates out of plans, proven by HypoPG where there is one, else estimated.

`proving.py` is the one module that asks a server, over a session that only plans. Nothing here ever creates
an index, and every finding says how sure it is.
"""
