"""Makes role and database in the machine's own PostgreSQL, as its superuser.

Not the schema (storage/migrate.py), and not a PostgreSQL of our own (storage/embedded.py). The rule
to keep: only where the configuration names exactly this database, and what is there is left.
"""

import os
import subprocess
from collections.abc import Sequence

from portal.composition.setup_files import DATABASE, Place, local_dsn
from portal.composition.start import StartError
from portal.config import Config
from portal.supervisor import find_account

_PATIENCE_S = 120.0

Done = subprocess.CompletedProcess[str]


def prepare_database(config: Config, place: Place) -> None:
    """Make the role and the database in the machine's own PostgreSQL, where it is to be used.

    Not where a file that was edited by hand names another.

    Raises:
        StartError: PostgreSQL is not there, or refuses; the text has the way out.
    """
    if config.database.dsn.get_secret_value() != local_dsn(place):
        return
    if not _ask_postgres(place, "SELECT 1 FROM pg_roles WHERE rolname = :'role'"):
        _ask_postgres(place, 'CREATE ROLE :"role" LOGIN')
    if not _ask_postgres(place, "SELECT 1 FROM pg_database WHERE datname = :'database'"):
        made = 'CREATE DATABASE :"database" OWNER :"role" ENCODING \'UTF8\' TEMPLATE template0'
        _ask_postgres(place, made)


def _ask_postgres(place: Place, statement: str) -> str:
    words = ("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
    names = (f"--set=role={place.role}", f"--set=database={DATABASE}")
    where = (f"--host={place.sockets}", "--dbname=postgres")
    try:
        done = run_as(place.superuser, (*words, *names, *where), statement)
    except FileNotFoundError as problem:
        raise StartError("there is no psql here: apt install postgresql") from problem
    if done.returncode == 0:
        return done.stdout.strip()
    way_out = "systemctl start postgresql, or give [machine] database an address of its own"
    raise StartError(f"the local PostgreSQL refuses: {reason(done)}\n{way_out}")


def run_as(user: str, command: Sequence[str], typed: str = "") -> Done:
    """Run a command as a user, where we may become it; else as whoever we are."""
    if user and os.geteuid() == 0:
        account = find_account(user)
        ids = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups")
        command = ("setpriv", *ids, "--", *command)
    return subprocess.run(
        command,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
        cwd="/",  # nothing is taken from where root happens to be
    )


def reason(done: Done) -> str:
    """Return why a command failed, in its own words."""
    return done.stderr.strip().removeprefix("kvar: ")
