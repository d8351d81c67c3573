"""Compares the page of another exporter with ours: what a switch from that one to this one would lose.

`page.py` reads a page, `compare.py` compares two, `catalogue.py` and `known.py` say why something is
missing, `verdict.py` joins the two, `report.py` writes it down. All of these are pure; `fetch.py` and
`own.py` get the pages.
"""
