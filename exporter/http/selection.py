"""`?collect[]=` and `?exclude[]=`: which collectors a scrape asks for, by collector or by family."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from exporter.model.collector import Named


class UnknownNameError(ValueError):
    """A name in the query string is neither a collector nor a family."""


def select(
    collect: Sequence[str],
    exclude: Sequence[str],
    running: Collection[Named],
    known: Collection[Named],
) -> frozenset[str] | None:
    """The names of the collectors to run; None for all that run.

    Args:
        collect: names of collectors or families; empty for all.
        exclude: names of collectors or families to leave out.
        running: the collectors that are on and whose source is configured.
        known: all collectors of the installation; asking for one that is off is no error, and gives nothing.

    Raises:
        UnknownNameError: names the first unknown one, and those that are known.
    """
    if not collect and not exclude:
        return None
    names = {named.name for named in (*known, *running)}
    families = {named.family for named in known}
    for name in (*collect, *exclude):
        if name not in names and name not in families:
            listed = ", ".join((*sorted(families), *sorted(names)))
            raise UnknownNameError(f"{name!r} is neither a collector nor a family; there are: {listed}")
    wanted, unwanted = frozenset(collect) or families, frozenset(exclude)
    return frozenset(
        named.name
        for named in running
        if (named.name in wanted or named.family in wanted)
        and named.name not in unwanted
        and named.family not in unwanted
    )
