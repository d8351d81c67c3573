"""How much noise the alerts make: a quiet week and incidents, replayed through rules and routing.

`record` captures shapes from real servers, `generator` makes weeks of them, `promtool` evaluates the shipped
rules over these, `replay` sends what fires to a real Alertmanager. `python -m tests.noise` does all but the
first and writes tests/recorded/noise/results.json.
"""
