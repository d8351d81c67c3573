"""What a command is given beside the settings."""

from __future__ import annotations

from argparse import Namespace, _ArgumentGroup
from collections.abc import Mapping, Sequence

from exporter.model.collector import Named
from exporter.model.errors import SettingsError
from exporter.settings import Settings, load_settings, settings_type


class Options(Namespace):
    """The command's own options as attributes, and what it takes to load the settings again.

    Attributes:
        collectors: all collectors of this installation, by name.
        settings_type: the settings with a switch for each of them.
        environ: the variables.
        argv: the flags that are settings.
    """

    collectors: Mapping[str, Named]
    settings_type: type[Settings]
    environ: Mapping[str, str]
    argv: Sequence[str] = ()

    @classmethod
    def discovered(cls, environ: Mapping[str, str]) -> Options:
        """Before parsing: finds the collectors, because they decide which flags there are."""
        from exporter.collectors import discover  # noqa: PLC0415  # brings the drivers with it

        collectors = discover()
        return cls(collectors=collectors, environ=environ, settings_type=settings_type(_switches(collectors)))

    def load(self) -> Settings:
        """The settings as flags, variables and files say now; for a reload too.

        Raises:
            SettingsError: something is wrong with them.
        """
        from exporter.scrape.labels import metric_labels  # noqa: PLC0415  # not for --help

        taken = metric_labels(self.collectors.values())
        return load_settings(self.argv, self.environ, _switches(self.collectors), taken)


def add_target(group: _ArgumentGroup) -> None:
    """`--target NAME`: `options.target` is the name, None for the top level."""
    group.add_argument("--target", metavar="NAME", help="A named target instead of the top level.")


def of_target(settings: Settings, name: str | None) -> Settings:
    """What applies to the target named, or to the top level alone.

    Raises:
        SettingsError: there is no such target.
    """
    if name is None:
        return settings.main()
    if name not in settings.targets:
        raise SettingsError([f"--target: no such target; there are: {', '.join(settings.targets) or 'none'}"])
    return settings.target(name)


def _switches(collectors: Mapping[str, Named]) -> dict[str, tuple[bool, str]]:
    return {name: (named.spec.default, named.spec.help) for name, named in collectors.items()}
