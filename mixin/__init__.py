"""Rules and dashboards as code, for developers: users deploy prometheus/, alertmanager/ and grafana/.

The rules are written by hand in `prometheus/rules/`, and every threshold stands there alone. From there it
goes on: `rules.py` reads it, `dashboards/` draws it, `runbooks.py` writes it into the head of a runbook.
`make mixin` writes all that is generated; `python -m mixin --check` says what is not up to date.
"""
