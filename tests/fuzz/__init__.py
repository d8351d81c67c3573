"""Feeds each input of the exporter with what was captured from real ones and then spoilt: `make fuzz`."""
