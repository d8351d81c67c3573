"""Finds the collectors: one file in `collectors/<family>/` is one collector, nothing to register.

The file's name is the collector's name: its flag, its label and its anchor in the documentation. A
file declares `COLLECTOR` (a `CollectorSpec`) or, for a PostgreSQL view, `VIEW` (a `View`). Other
packages add theirs through the entry point group `datastack_exporter.collectors`: the entry's name is
the collector's name, its module declares `COLLECTOR` or `VIEW`, and its family is the source's.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import ModuleType

from exporter.collectors.run_view import view_collector
from exporter.model.collector import CollectorSpec, Named
from exporter.model.errors import SettingsError

ENTRY_POINTS = "datastack_exporter.collectors"
FAMILIES = ("postgres", "redis", "host", "pool")
FAMILY_OF_SOURCE = {
    "postgres": "postgres",
    "redis": "redis",
    "host": "host",
    "pgbouncer": "pool",
    "psycopg_pool": "pool",
}


def discover() -> dict[str, Named]:
    """All collectors of this installation: name -> what it declares, by family, then by name.

    Raises:
        SettingsError: two collectors have one name, or a module declares none.
    """
    found: dict[str, Named] = {}
    for family in FAMILIES:
        package = import_module(f"{__name__}.{family}")
        for name in sorted(m.name for m in iter_modules(package.__path__) if not m.name.startswith("_")):
            _add(found, name, family, import_module(f"{package.__name__}.{name}"))
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda e: e.name):
        _add(found, entry.name, None, entry.load())
    return found


def _add(found: dict[str, Named], name: str, family: str | None, module: ModuleType) -> None:
    spec = spec_of(module)
    if name in found:
        raise SettingsError([f"collector {name}: {module.__name__} has the name of another collector"])
    found[name] = Named(name, family or FAMILY_OF_SOURCE[spec.source], spec)


def spec_of(module: ModuleType) -> CollectorSpec:
    """What a collector's module declares.

    Raises:
        SettingsError: it declares neither `COLLECTOR` nor `VIEW`.
    """
    if (view := getattr(module, "VIEW", None)) is not None:
        return view_collector(view)
    spec = getattr(module, "COLLECTOR", None)
    if not isinstance(spec, CollectorSpec):
        raise SettingsError([f"{module.__name__}: declares neither COLLECTOR nor VIEW"])
    return spec
