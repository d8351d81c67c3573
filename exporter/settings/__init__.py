"""The configuration: frozen values, and the only reader of flags, variables and files.

Every setting is at once a flag, a variable and a key of the YAML file (`model.py` lists them). Each source
is one module that returns what it was given and what is wrong with it; `load.py` merges and validates. An
error never repeats a value, because any value may be a secret in the wrong place.

    flag              flags.py           --web.listen-address :9188
    > variable        environment.py     EXPORTER_WEB__LISTEN_ADDRESS=:9188
    > secrets folder  secrets_folder.py  /run/secrets/postgres__password
    > YAML file       yaml_file.py       web: {listen_address: ":9188"}
    > compat          compat.py          DATA_SOURCE_NAME, REDIS_ADDR, PGHOST ...
    > default         model.py
"""

from exporter.settings.load import load_settings, load_web
from exporter.settings.model import Settings, redacted, settings_type

__all__ = ["Settings", "load_settings", "load_web", "redacted", "settings_type"]
