"""Frozen values that flow from the sources to the page: no I/O, no clock but the deadline."""
