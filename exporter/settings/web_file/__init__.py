"""The file that `web.config_file` names: the web configuration of Prometheus's exporter-toolkit.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md has the format; the same
file serves Prometheus, Alertmanager and the official exporters. What Python's ssl can't do as Go does is
refused with the reason, or said in `notes`. `model.py` is what may stand in it, `read.py` reads it.
"""

from exporter.settings.web_file.model import Tls, WebFile

__all__ = ["Tls", "WebFile"]
