"""Imports the SDK's model of dashboards for the first time, without its advice.

It advises the newer model, which Grafana before 12 can't read from files.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    import grafana_foundation_sdk.builders.dashboard
    import grafana_foundation_sdk.builders.prometheus  # noqa: F401 - for what it says when first imported
