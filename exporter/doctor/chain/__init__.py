"""What `verify` does: looks at the deployed chain from the exporter to whoever is told, and at Grafana.

It asks the servers by their HTTP APIs (`client.py`) and changes nothing; only `--send` sends alerts.
`verification.py` puts the parts together:

    Prometheus      prometheus.py, scraping.py, rules.py, rule_files.py
    Alertmanager    alertmanager.py, routing.py, configuration.py, routes.py, matchers.py, counters.py
    test alerts     sending.py, specimen.py, intervals.py
    Grafana         grafana.py
"""
